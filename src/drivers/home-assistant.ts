/**
 * Whatever Home Assistant can switch, over its REST API; states come over its WebSocket as they change.
 *
 *     POST /api/services/switch/turn_on  {"entity_id":"switch.nuc1"}   200: done, or quietly left undone
 *     GET  /api/states/switch.nuc1                                     {"state":"on", …}, `unavailable` or `unknown`
 *
 * A call for an entity that is missing or unavailable is answered 200 as well, so both are asked for before.
 */
import { z } from "zod";
import { type Answer, type Capability, CUTS, defineDriver, VERBS, type Verb } from "../power/driver.ts";
import { messageOf, PowerError } from "../power/errors.ts";
import { choice, duration, flag, host, port, secret } from "../wire/fields.ts";
import { type Finding, mistake } from "../wire/finding.ts";
import { type EntityState, HomeAssistant, stateAnswer, wattsOf } from "../wire/home-assistant.ts";
import { BUTTONS, is, LISTED, RUNS, readBy, type Target, target } from "../wire/home-assistant-entities.ts";
import { watchEntities } from "../wire/home-assistant-push.ts";
import { httpTrustFields, tokenFindings, trustFindings } from "../wire/http-access.ts";
import { plainBase } from "../wire/http-json.ts";

function entity(description: string) {
  return z
    .string()
    .regex(/^[a-z0-9_]+\.[a-z0-9_]+$/, "is no entity ID such as switch.nuc1")
    .describe(description);
}

const HUB = z.object({
  host: host({ description: "Host name or IP address" }),
  port: port("Port of its pages").default(8123),
  https: flag("Does it speak https there?").default(false),
  token: secret("Long-lived access token of one of its users"),
  ...httpTrustFields,
});

const OUTLET = z.object({
  outlet: entity("Entity that is switched and read").optional(),
  run: z
    .strictObject(
      Object.fromEntries(
        VERBS.map((verb) => [verb, entity("A script, button, scene or automation").optional()]),
      ) as Record<Verb, z.ZodOptional<z.ZodString>>,
    )
    .default({})
    .describe("Scripts, buttons, scenes or automations that are run for a verb, in place of switching the outlet"),
  state: entity("Entity that tells the state in place of the outlet").optional(),
  watts: entity("Sensor that tells the power drawn, in W or kW").optional(),
  refresh: flag("Before every read, has Home Assistant ask the device").default(false),
  max_age: duration("A state that Home Assistant heard longer ago than this is unknown").optional(),
  momentary: flag("The outlet is a button that toggles; default true for buttons").optional(),
  cuts: choice(CUTS, "What its off takes away; mains or port make it a supply").default("unknown"),
});
type Outlet = z.output<typeof OUTLET>;

export default defineDriver({
  name: "home-assistant",
  title: "Home Assistant",
  family: "Home automation",
  summary: "Switches any entity of Home Assistant that turns on and off, runs its scripts and presses its buttons.",
  sources: [
    "https://developers.home-assistant.io/docs/api/rest",
    "https://developers.home-assistant.io/docs/api/websocket",
    "https://github.com/home-assistant/core/blob/dev/homeassistant/components/websocket_api/messages.py",
    "https://github.com/home-assistant/core/blob/dev/homeassistant/components/homeassistant/__init__.py",
  ],
  notes: [
    "In Home Assistant open your profile, then Security, and create a long-lived access token; a user of its own, without administrator's rights, is enough. Five wrong ones may lock this host out where `ip_ban_enabled` is set.",
    "The state is Home Assistant's picture of the device: `on` and `off` count, `unavailable` and `unknown` are never off, and a state that Home Assistant marks as assumed is assumed here. Integrations that poll may show the old state for a while: with `refresh: true` they ask the device before every read. `max_age` takes a state for unknown when nothing was heard of it for long; use it only with devices that report regularly, and with clocks that agree.",
    "Home Assistant answers 200 to a call for an entity that it lacks ([core#12584](https://github.com/home-assistant/core/issues/12584)) or cannot reach ([core#177965](https://github.com/home-assistant/core/issues/177965)). So each command asks for the entity first, and is refused where it is missing or unavailable.",
    "Changes are pushed over the WebSocket, so that a plug that is switched by hand shows at once. A proxy in front must pass WebSockets on; without, states are read when asked for.",
    "What `off` takes away is known to you alone: say `cuts: mains` for a plug, so that it becomes the machine's supply. Do not feed the host of Home Assistant, or the switch in between, from a plug that it switches.",
    "A button (`button.…`, `input_button.…`) is pressed for on and for off, so it needs something that measures: its LED as `state`, or a `query`. A switch that lets go by itself is one too, with `momentary: true`. Scripts, scenes and automations are told apart by verb in `run`; they are started, not waited for.",
  ],
  examples: [
    {
      title: "Minimal: a plug",
      yaml: "hubs:\n  ha: { driver: home-assistant, host: 192.168.1.5, token: !secret home-assistant }\nmachines:\n  nuc1: { hub: ha, outlet: switch.nuc1, cuts: mains, query: { driver: reachable, host: 192.168.1.61 } }\n",
    },
    {
      title: "Over https; a plug with a meter, a power button with its LED, a pair of scripts, a reset button",
      yaml: "hubs:\n  ha:\n    driver: home-assistant\n    host: ha.example.com\n    port: 443\n    https: true\n    token: !secret home-assistant\n    concurrency: 4\nmachines:\n  nuc1: { hub: ha, outlet: switch.nuc1, watts: sensor.nuc1_power, above: 6W, cuts: mains, refresh: true }\n  nuc2:\n    hub: ha\n    outlet: button.nuc2_power\n    state: binary_sensor.nuc2_power_led\n    cuts: button\n    reset: { hub: ha, run: button.nuc2_reset }\n  nuc3:\n    hub: ha\n    outlet: binary_sensor.nuc3_running\n    run: { on: script.nuc3_on, off: script.nuc3_off }\n    max_age: 10m\n    cuts: bmc\n",
    },
  ],
  cuts: ({ cuts }) => cuts,
  momentary: ({ outlet, momentary }) => momentary ?? is(BUTTONS, outlet),
  hub: HUB,
  outlet: OUTLET,
  perVerb: ["run"],
  // Home Assistant waits up to 10 s for the device.
  pace: { concurrency: 4, timeout: 15_000 },
  check,
  without: (outlet) => {
    const has: Partial<Record<Capability, unknown>> = {
      ...Object.fromEntries(VERBS.map((verb) => [verb, target(outlet, verb)])),
      query: readBy(outlet),
      watts: outlet.watts,
    };
    return (["on", "off", "cycle", "reset", "query", "watts"] as const).filter((capability) => !has[capability]);
  },
  connect: ({ host, port, https, token, ca, pin_sha256: pin, insecure }, { clock }) => {
    const base = plainBase({ host, port }).replace("http:", https ? "https:" : "http:");
    return new HomeAssistant({ base, token, tls: { ca, pin, insecure }, clock });
  },
  disconnect: (ha) => ha.close(),
  on: (ha, outlet, { signal }) => command(ha, target(outlet, "on"), signal),
  off: (ha, outlet, { signal }) => command(ha, target(outlet, "off"), signal),
  cycle: (ha, outlet, { signal }) => command(ha, target(outlet, "cycle"), signal),
  reset: (ha, outlet, { signal }) => command(ha, target(outlet, "reset"), signal),
  query: async (ha, outlet, { signal }) => {
    const read = readBy(outlet);
    if (read === undefined) throw new PowerError("unsupported", "no entity tells its state");
    if (outlet.refresh) await ha.call("homeassistant.update_entity", read, { acts: false, signal });
    return answer(ha, outlet, await ha.state(read, signal));
  },
  watch: async (ha, outlets, listener, { signal }) => {
    // What nobody reports again ages unseen.
    const pushed = outlets.filter(({ max_age: maxAge }) => maxAge === undefined);
    const entities = new Set(pushed.flatMap((outlet) => readBy(outlet) ?? []));
    if (entities.size === 0) return undefined;
    return watchEntities(ha.options, {
      entities: [...entities],
      signal,
      lost: (error) => listener.lost(error),
      state: (state) => {
        for (const outlet of pushed.filter((outlet) => readBy(outlet) === state.entity_id))
          listener.state(outlet, pushedAnswer(ha, outlet, state));
      },
    });
  },
  watts: async (ha, { watts }, { signal }) => {
    if (watts === undefined) throw new PowerError("unsupported", "no sensor tells its watts");
    return wattsOf(await ha.state(watts, signal));
  },
  list: (ha, { signal }) => ha.list(LISTED, signal),
});

async function command(ha: HomeAssistant, target: Target | undefined, signal: AbortSignal): Promise<void> {
  if (!target) throw new PowerError("unsupported", "there is no entity for that");
  const { entity, service } = target;
  const { state } = await ha.state(entity, signal);
  if (state === "unavailable") {
    throw new PowerError("refused", `${entity} is unavailable: Home Assistant cannot reach what is behind it`, {
      hint: "Check the device, and its integration in Home Assistant.",
    });
  }
  await ha.call(service, entity, { acts: true, signal });
}

function answer({ options }: HomeAssistant, { max_age: maxAge }: Outlet, state: EntityState): Answer {
  return stateAnswer(state, { maxAge, now: options.clock.now() });
}

/** Nobody waits for a failure here, and what was told before does not hold any more. */
function pushedAnswer(ha: HomeAssistant, outlet: Outlet, state: EntityState): Answer {
  try {
    return answer(ha, outlet, state);
  } catch (error) {
    return { state: "unknown", reason: messageOf(error) };
  }
}

function check(settings: Outlet, { https, token, ...trust }: z.output<typeof HUB>): Finding[] {
  const { outlet, run, state } = settings;
  const ran = Object.values(run).filter((entity) => entity !== undefined);
  const findings = [...tokenFindings(token), ...trustFindings(trust, https ? undefined : "`https` is not set")];
  if (outlet === undefined && ran.length === 0)
    findings.push(mistake("outlet", "names what is switched: give `outlet`, or `run`"));
  if (is(RUNS, outlet))
    findings.push(mistake("outlet", "does the same for on and off: write `run: { on: …, off: … }` instead"));
  if (is([...BUTTONS, ...RUNS], state)) findings.push(mistake("state", "has no state of its own"));
  const wrong = ran.find((entity) => !is([...BUTTONS, ...RUNS], entity));
  if (wrong !== undefined) findings.push(mistake("run", `${wrong} is neither script, scene, automation nor button`));
  return findings;
}
