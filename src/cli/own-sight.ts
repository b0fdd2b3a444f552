/**
 * Looks at machines and hubs without a daemon: as the daemon would, by the same rules, and without an order ever being
 * given. What the daemon remembers is read and not written; what is found here is forgotten at the end.
 */
import type { Configuration } from "../config/index.ts";
import { hubShape } from "../http/hub-shape.ts";
import { machineShape } from "../http/machine-shape.ts";
import { systemClock } from "../power/clock.ts";
import { PowerController } from "../power/controller.ts";
import { recalled } from "../store/memory.ts";
import type { StorePaths } from "../store/paths.ts";
import type { Sight } from "./examine-hubs.ts";

const nothing = () => undefined;
const resolved = () => Promise.resolve();
const NO_JOURNAL = {
  accept: nothing,
  update: nothing,
  amend: nothing,
  note: nothing,
  kept: resolved,
  synced: resolved,
};
/** As long as the daemon gives an examination (ms). */
const EXAMINATION_MS = 15_000;

export function ownSight({ machines, limits }: Configuration, paths: StorePaths): Sight & AsyncDisposable {
  const memory = recalled(paths.memory);
  const power = new PowerController({ machines, limits, clock: systemClock, journal: NO_JOURNAL, memory });
  const nobody = { polled: undefined, refused: undefined, maas: undefined, checking: false, role: "admin" } as const;
  return {
    machines: async () => power.names.map((name) => machineShape(power.machine(name), nobody)),
    hubs: async () => power.hubs().map((hub) => hubShape(hub, power, () => true)),
    query: (machine) => power.query(machine),
    traps: async (hub) => (await power.examine(hub, AbortSignal.timeout(EXAMINATION_MS))) ?? [],
    [Symbol.asyncDispose]: () => power.stop(0),
  };
}
