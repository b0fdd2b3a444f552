/** Which machines a command means: names, patterns, a tag, or all. */
import type { MachineShape } from "../http/shapes.ts";
import { matchesPattern, nearest } from "../power/names.ts";
import { CliError } from "./cli-error.ts";
import type { Client } from "./client.ts";
import { EXIT } from "./exit-codes.ts";

export interface Selection {
  readonly names: readonly string[];
  readonly tag?: string | undefined;
  readonly all?: boolean | undefined;
}

/** Throws CliError where a name is unknown or nothing was meant. */
export async function selectMachines(daemon: Client, { names, tag, all }: Selection): Promise<readonly MachineShape[]> {
  if (names.length === 0 && tag === undefined && !all) {
    throw new CliError("no machine is named", {
      exitCode: EXIT.usage,
      code: "usage",
      hint: "Give names, a pattern in quotes, --tag TAG or --all.",
    });
  }
  const machines = await daemon.machines();
  for (const name of names) {
    if (machines.some((machine) => matchesPattern(name, machine.name))) continue;
    const near = nearest(
      name,
      machines.map((machine) => machine.name),
    );
    throw new CliError(`there is no machine "${name}"${near === undefined ? "" : `; did you mean "${near}"?`}`, {
      exitCode: EXIT.usage,
      code: "not_found",
      hint: "`maasochist list` shows them.",
    });
  }
  const selected = machines.filter(
    (machine) =>
      all ||
      (tag !== undefined && machine.tags.includes(tag)) ||
      names.some((name) => matchesPattern(name, machine.name)),
  );
  if (selected.length === 0)
    throw new CliError(`no machine has the tag "${tag}"`, {
      exitCode: EXIT.usage,
      code: "not_found",
      hint: "`maasochist list --json` shows the tags.",
    });
  return selected;
}
