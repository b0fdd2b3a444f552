/** `doctor` on hubs and machines: each machine is read once, and devices are asked for what of their own works against us. */
import type { Configuration } from "../config/index.ts";
import type { HubShape, MachineShape } from "../http/shapes.ts";
import type { MachineTrap } from "../power/api.ts";
import type { Trap } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import { atMost, MOST_AT_ONCE } from "./at-most.ts";
import { CliError } from "./cli-error.ts";
import { someOf } from "./examine-daemon.ts";
import { type Finding, type FindingCode, finding } from "./findings.ts";
import { ago } from "./table.ts";
import { number } from "./words.ts";

/** Of what is asked to look at hubs; the daemon's own client is one. */
export interface Sight {
  machines(): Promise<readonly MachineShape[]>;
  hubs(): Promise<readonly HubShape[]>;
  /** Measures now. */
  query(machine: string): Promise<unknown>;
  traps(hub: string): Promise<readonly MachineTrap[]>;
}

const FAILURES = {
  unreachable: "hub-unreachable",
  timeout: "hub-timeout",
  auth: "hub-auth",
  wrong_device: "hub-wrong-device",
} as const;

const TRAP_CODES = {
  timer: "device-timer",
  held: "device-held",
  interlock: "device-interlock",
  mains: "device-mains",
  retained: "device-retained",
} as const satisfies Record<Trap["kind"], FindingCode>;

export async function* examineHubs(sight: Sight, configuration: Configuration | undefined): AsyncGenerator<Finding> {
  const names = (await sight.machines()).filter(({ enabled }) => enabled).map(({ name }) => name);
  // What fails is told by the hubs and machines themselves.
  await atMost(MOST_AT_ONCE, names, (name) => sight.query(name).catch(() => undefined));
  const hubs = await sight.hubs();
  yield* answering(hubs);
  for (const hub of hubs) {
    if (hub.failing) yield failure(hub, hub.failing);
    else yield* slow(hub, configuration);
  }
  yield* unread(await sight.machines(), hubs);
  yield* traps(sight, hubs);
}

function* answering(hubs: readonly HubShape[]): Generator<Finding> {
  const well = hubs.flatMap(({ name, failing, lastExchange }) =>
    lastExchange && !failing ? { name, lastExchange } : [],
  );
  const [slowest] = well.toSorted((a, b) => b.lastExchange.durationMs - a.lastExchange.durationMs);
  if (!slowest) return;
  const ms = `${Math.round(slowest.lastExchange.durationMs)} ms`;
  yield finding("hubs", { hubs: number(well.length, "hub"), slowest: slowest.name, ms });
}

function failure({ name, driver, machines }: HubShape, failing: NonNullable<HubShape["failing"]>): Finding {
  const { code, message, hint, since } = failing;
  const known = Object.entries(FAILURES).find(([failed]) => failed === code)?.[1] ?? "hub-unreachable";
  const facts = { hub: name, driver, since: ago(since), problem: message, machines: someOf(machines), hint };
  return finding(known, facts);
}

/** Half of the time that it is given is gone already. */
function* slow({ name, driver, lastExchange }: HubShape, configuration: Configuration | undefined): Generator<Finding> {
  const timeout = configuration?.hubs.find((hub) => hub.name === name)?.pace.timeout;
  if (!lastExchange || timeout === undefined || lastExchange.durationMs < timeout / 2) return;
  const ms = `${Math.round(lastExchange.durationMs)} ms`;
  yield finding("hub-slow", { hub: name, driver, ms, timeout: `${timeout} ms` });
}

/** Of those whose hub fails, the hub has told. */
function* unread(machines: readonly MachineShape[], hubs: readonly HubShape[]): Generator<Finding> {
  const told = new Set(hubs.filter(({ failing }) => failing).flatMap((hub) => hub.machines));
  for (const { name, enabled, error, state, reading } of machines) {
    if (!enabled || told.has(name)) continue;
    if (error)
      yield finding("machine-unreadable", {
        machine: name,
        problem: error.message,
        problemCode: error.code,
        hint: error.hint,
      });
    else if (state === "unknown")
      yield finding("machine-unknown", { machine: name, reason: reading?.reason ?? "nothing tells it" });
  }
}

async function* traps(sight: Sight, hubs: readonly HubShape[]): AsyncGenerator<Finding> {
  const answering = hubs.filter(({ failing }) => !failing);
  const found = await atMost(MOST_AT_ONCE, answering, async ({ name, driver }) => {
    try {
      return (await sight.traps(name)).map(({ kind, machine, outlet, problem, mend }) =>
        finding(TRAP_CODES[kind], { machine, outlet, problem, mend }),
      );
    } catch (error) {
      if (!(error instanceof CliError || error instanceof PowerError)) throw error;
      const hint = error.hint ?? "See the daemon's log.";
      return [finding("device-unexamined", { hub: name, driver, problem: error.message, hint })];
    }
  });
  for (const findings of found) yield* findings;
}
