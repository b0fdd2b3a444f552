/** Which machines a command means: names, patterns, a tag, or all. */
import type { MachineShape } from "../http/shapes.ts";
import { matchesPattern, nearest } from "../power/names.ts";
import { type CliError, notFound, wrongUsage } from "./cli-error.ts";
import type { Client } from "./client.ts";

export interface Selection {
  readonly names: readonly string[];
  readonly tag?: string | undefined;
  readonly all?: boolean | undefined;
}

/** Throws CliError where a name is unknown or nothing was meant. */
export async function selectMachines(daemon: Client, { names, tag, all }: Selection): Promise<readonly MachineShape[]> {
  const ways = [names.length > 0, tag !== undefined, all === true].filter(Boolean).length;
  if (ways !== 1)
    throw wrongUsage(
      ways === 0 ? "no machine is named" : "names, --tag and --all exclude one another",
      "Give names, a pattern with * in quotes, --tag TAG or --all.",
    );
  const machines = await daemon.machines();
  if (all) {
    if (machines.length > 0) return machines;
    throw notFound("there are no machines", "Add some to the configuration under `machines:`.");
  }
  if (tag !== undefined) {
    const tagged = machines.filter((machine) => machine.tags.includes(tag));
    if (tagged.length > 0) return tagged;
    throw notFound(noTag(machines, tag), "`maasochist status NAME` tells the tags of a machine.");
  }
  const known = machines.map((machine) => machine.name);
  for (const name of names)
    if (!known.some((machine) => matchesPattern(name, machine))) throw unknownMachine(name, known);
  return machines.filter((machine) => names.some((name) => matchesPattern(name, machine.name)));
}

/** `no machine has the tag "nuk"; did you mean "nuc"?` */
export function noTag(machines: readonly MachineShape[], tag: string): string {
  return `no machine has the tag "${tag}"${didYouMean(
    tag,
    machines.flatMap((machine) => machine.tags),
  )}`;
}

export function unknownMachine(name: string, known: readonly string[]): CliError {
  return notFound(`there is no machine "${name}"${didYouMean(name, known)}`, "`maasochist list` shows them.");
}

/** `; did you mean "nuc1"?`, or nothing. */
export function didYouMean(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  return near === undefined ? "" : `; did you mean "${near}"?`;
}
