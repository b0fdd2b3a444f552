/** A state out of an answer: by regular expressions in linear time, or by what a JSONata expression makes of JSON. */
import { PowerError } from "../power/errors.ts";
import { clip } from "./clip.ts";
import { evaluate } from "./expression.ts";
import { text } from "./fields.ts";
import { type Finding, mistake } from "./finding.ts";
import { found, regexProblem } from "./regex.ts";

export type State = "on" | "off" | "unknown";

/** Settings of drivers that tell a state by regular expressions. */
export const stateRegexFields = {
  on_regex: text("Regular expression (RE2), searched first: the machine is on").optional(),
  off_regex: text("Regular expression (RE2): the machine is off").optional(),
};

/** What is wrong with the regular expressions. */
export function stateRegexFindings(outlet: Partial<Record<keyof typeof stateRegexFields, string | undefined>>) {
  const findings: Finding[] = [];
  for (const [key, other] of [
    ["on_regex", "off_regex"],
    ["off_regex", "on_regex"],
  ] as const) {
    if (outlet[key] === undefined) continue;
    const problem = regexProblem(outlet[key]);
    if (problem !== undefined) findings.push(mistake(key, problem));
    if (outlet[other] === undefined)
      findings.push(mistake(key, `needs \`${other}\` too: one of them alone can never tell the other state`));
  }
  return findings;
}

/** `on` is searched first, as MAAS does. Undefined where neither is found. */
export function matchState(
  text: string,
  { on, off }: { readonly on?: string | undefined; readonly off?: string | undefined },
): "on" | "off" | undefined {
  if (on !== undefined && found(on, text)) return "on";
  if (off !== undefined && found(off, text)) return "off";
  return undefined;
}

const STATES: Readonly<Record<string, State>> = {
  true: "on",
  "1": "on",
  '"on"': "on",
  false: "off",
  "0": "off",
  '"off"': "off",
  null: "unknown",
  '"unknown"': "unknown",
};

export interface EvaluateOptions {
  /** It ends after 1.5 s without one. */
  readonly signal?: AbortSignal;
  /** Texts to mask where a failure quotes the answer. */
  readonly secrets?: readonly string[];
}

/** What a JSONata expression over a JSON answer says. Throws PowerError where it says nothing that is a state. */
export async function evaluateState(
  body: string,
  expression: string,
  { signal, secrets }: EvaluateOptions = {},
): Promise<State> {
  const outcome = await evaluate({ expression, json: body }, signal);
  switch (outcome.kind) {
    case "not-json":
      throw new PowerError("protocol", `the answer is no JSON: ${clip(body, secrets) || "it is empty"}`);
    case "failed":
      throw new PowerError("config", `the expression fails: ${clip(outcome.why, secrets)}`, {
        hint: "Correct `expression`; it is JSONata.",
      });
    case "value": {
      const { json } = outcome;
      const state = json === undefined ? "unknown" : STATES[json.toLowerCase()];
      if (state !== undefined) return state;
      throw new PowerError("protocol", `the expression gives ${clip(json ?? "", secrets)}, which is no state`, {
        hint: "It must give true, false, 1, 0, on, off or unknown.",
      });
    }
    default:
      return outcome satisfies never;
  }
}
