import type { Configuration } from "../config/index.ts";
import type { OwnMachine } from "../maas/match.ts";

/** The configuration's machines, as they are looked for in MAAS. */
export function ownMachines({ machines, maasNames }: Pick<Configuration, "machines" | "maasNames">): OwnMachine[] {
  return machines.map(({ facts: { name, mac }, enabled }) => ({
    name,
    enabled,
    ...(mac !== undefined && { mac }),
    ...maasNames.get(name),
  }));
}
