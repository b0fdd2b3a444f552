/** What is wrong with settings of the driver `mqtt`. */
import { expressionProblem } from "./expression.ts";
import { type Finding, mistake } from "./finding.ts";
import { certificateProblem } from "./http-access.ts";
import type { MqttDevice } from "./mqtt-device.ts";
import { stateRegexFindings } from "./state-match.ts";

export interface CheckedOutlet {
  readonly preset?: string | undefined;
  readonly outlet?: string | undefined;
  readonly base?: string | undefined;
  readonly values?: object | undefined;
  readonly max_age?: number | undefined;
}

/** The settings as they are written, and the device that they make. */
export function outletFindings(outlet: CheckedOutlet, device: MqttDevice): Finding[] {
  const { publish, state, reply, expression, on_regex, off_regex, property } = device;
  const ofPreset = presetFindings(outlet);
  // Without its right names there are no topics to speak of.
  if (ofPreset.length > 0) return ofPreset;
  const findings = stateRegexFindings({ on_regex, off_regex });
  if (outlet.preset === undefined && Object.keys(publish).length === 0 && state.length === 0)
    findings.push(mistake("publish", "nothing to send and nothing to hear: give `preset`, or `publish` and `state`"));
  const regex = on_regex ?? off_regex;
  const ways = [outlet.values ?? property, regex, expression].filter((way) => way !== undefined).length;
  if (outlet.preset === undefined && state.length > 0 && ways === 0)
    findings.push(
      mistake("state", "needs `values`, `property`, `on_regex` and `off_regex`, or `expression` to tell the state"),
    );
  if (outlet.preset === undefined && ways > 1)
    findings.push(
      mistake(
        expression === undefined ? "on_regex" : "expression",
        "only one of `values` with `property`, regular expressions and `expression` can tell the state",
      ),
    );
  const problem = expression === undefined ? undefined : expressionProblem(expression);
  if (problem !== undefined) findings.push(mistake("expression", problem));
  const { on, off } = device.values;
  if (on.toLowerCase() === off.toLowerCase()) findings.push(mistake("values", "on and off are the same"));
  return [...findings, ...topicFindings(outlet, { publish, state, reply })];
}

function presetFindings({ preset, outlet, base }: CheckedOutlet): Finding[] {
  if (preset !== undefined && outlet === undefined)
    return [mistake("outlet", `is missing: the name of the device in its topics, for \`preset: ${preset}\``)];
  if (preset === undefined)
    return base === undefined ? [] : [mistake("base", "is for a `preset`; without one write the whole topics")];
  if (preset === "tasmota" && base !== undefined && !/%prefix%/.test(base))
    return [mistake("base", "is the FullTopic of the device, so it holds %prefix%, and %topic% where `outlet` stands")];
  if (preset === "esphome" && !outlet?.includes("#"))
    return [
      mistake(
        "outlet",
        "names no switch: write the node, a # and the switch as its topics call it, such as plug1#relay",
      ),
    ];
  if (preset === "homeassistant" && outlet !== undefined && !/^[a-z_]+\.[a-z0-9_]+$/.test(outlet))
    return [mistake("outlet", "is the id of an entity, such as switch.rack_plug")];
  return [];
}

function topicFindings(
  outlet: CheckedOutlet,
  { publish, state, reply }: Pick<MqttDevice, "publish" | "state" | "reply">,
): Finding[] {
  const findings: Finding[] = [];
  if (publish.query && state.length === 0)
    findings.push(mistake("publish", "asks for the state, but there is no `state` to hear it on"));
  if (reply !== undefined && !publish.query)
    findings.push(mistake("reply", "answers nothing: there is no `publish` for query"));
  const echo = Object.values(publish).find((sent) => sent && (state.includes(sent.topic) || sent.topic === reply));
  if (echo)
    findings.push(
      mistake(
        "publish",
        `${echo.topic} is also listened to: what is sent would come back and pass for the device's word`,
      ),
    );
  if (outlet.max_age !== undefined && publish.query)
    findings.push(mistake("max_age", "has no effect: the device is asked for its state each time"));
  return findings;
}

export interface CheckedBroker {
  readonly user?: string | undefined;
  readonly password?: unknown;
  readonly tls: boolean;
  readonly ca?: string | undefined;
  readonly pin_sha256?: string | undefined;
  readonly insecure: boolean;
  readonly cert?: string | undefined;
  readonly key?: unknown;
}

export function brokerFindings({ user, password, tls, ca, pin_sha256, insecure, cert, key }: CheckedBroker): Finding[] {
  const findings: Finding[] = [];
  if (password !== undefined && user === undefined) findings.push(mistake("password", "needs `user`"));
  if ((cert === undefined) !== (key === undefined))
    findings.push(mistake(cert === undefined ? "key" : "cert", "`cert` and `key` go together"));
  const given = Object.entries({ ca, pin_sha256, insecure: insecure || undefined, cert, key }).flatMap(
    ([name, value]) => (value === undefined ? [] : [name]),
  );
  const [first] = given;
  if (!tls && first !== undefined) findings.push(mistake(first, "needs `tls: true`"));
  const [trust, other] = given.filter((name) => name !== "cert" && name !== "key");
  if (trust !== undefined && other !== undefined)
    findings.push(mistake(other, `\`${trust}\` and \`${other}\` exclude each other: choose whom to trust`));
  for (const [name, pem] of Object.entries({ ca, cert })) {
    const problem = certificateProblem(pem);
    if (problem !== undefined) findings.push(mistake(name, problem));
  }
  return findings;
}
