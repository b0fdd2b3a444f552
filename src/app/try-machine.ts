/** Tries a machine that is not configured: checked by the rules of the configuration, measured once, and forgotten. */
import { dirname, join } from "node:path";
import {
  type Configuration,
  type Fragment,
  fragmentText,
  type Problem,
  parseConfiguration,
  shownFragment,
} from "../config/index.ts";
import { drivers } from "../drivers/index.ts";
import { AccessError } from "../http/access-error.ts";
import type { TryOptions } from "../http/configuration-services.ts";
import { PowerError } from "../power/errors.ts";
import { NAME_PATTERN } from "../power/names.ts";
import type { Reading } from "../power/reading.ts";
import { allOutlets, type MachineSpec, type OutletSpec } from "../power/spec.ts";
import { loadThirdParty } from "../wire/third-party.ts";

/** As the fragment is called in problems; no file of this name is read. */
const FRAGMENT = "the fragment";

export interface TrialServices {
  /** The one that runs: its file is what the fragment would be added to. */
  readonly configuration: Configuration;
  readonly env: NodeJS.ProcessEnv;
  readonly measure: (machine: MachineSpec) => Promise<Reading>;
}

export interface Tried {
  readonly problems: readonly Problem[];
  readonly reading?: Reading;
  readonly error?: { readonly code: string; readonly message: string; readonly hint: string };
  readonly yaml: string;
}

/** Rejects with AccessError where the driver would run a program of the host, and may not. */
export async function tryMachine({ mayRun, ...fragment }: TryOptions, services: TrialServices): Promise<Tried> {
  const { configuration, measure } = services;
  const yaml = shownFragment(fragment, configuration.drivers);
  const wrongName = problemOfName(fragment, configuration);
  if (wrongName) return { problems: [wrongName], yaml };
  const { machine, problems } = await loaded(fragment, services);
  if (!machine) return { problems, yaml };
  const program = mayRun ? undefined : allOutlets(machine).find(runsProgram);
  if (program)
    throw new AccessError(
      "forbidden",
      `${program.hub.driver.name} runs a program of the daemon's host with these settings, and a page may not; configure it, and try it with \`maasochist test\``,
    );
  try {
    return { problems, reading: await measure(machine), yaml };
  } catch (thrown) {
    const { code, message, hint } = PowerError.from(thrown);
    return { problems, error: { code, message, hint }, yaml };
  }
}

interface Read {
  /** Undefined where it is not valid. */
  readonly machine: MachineSpec | undefined;
  /** Its own, and whatever else keeps the configuration from being valid. */
  readonly problems: readonly Problem[];
}

async function loaded(fragment: Fragment, { configuration, env }: TrialServices): Promise<Read> {
  const folder = configuration.file === undefined ? process.cwd() : dirname(configuration.file);
  const read = await parseConfiguration(fragmentText(fragment, configuration.file), {
    env,
    drivers,
    loadDriver: loadThirdParty,
    file: join(folder, FRAGMENT),
  });
  return {
    machine: read.configuration?.machines.find((machine) => machine.facts.name === fragment.name),
    problems: read.problems
      .map((problem) => (problem.file.endsWith(FRAGMENT) ? { ...problem, file: FRAGMENT } : problem))
      .filter(({ file, severity }) => file === FRAGMENT || severity === "error"),
  };
}

/** Names are told of here: said of the merged files, it would be said of the other place. */
function problemOfName({ name }: Fragment, { resolved }: Configuration): Problem | undefined {
  const at = { file: FRAGMENT, line: 2, column: 3, endColumn: 3 + name.length, severity: "error" } as const;
  if (!NAME_PATTERN.test(name))
    return {
      ...at,
      code: "bad-name",
      message: `"${name}" is no name of one machine`,
      hint: "Letters, digits, dots, dashes and underscores, beginning with a letter or digit.",
    };
  const place = resolved.places.get(name);
  if (!place) return undefined;
  const where = `${place.source.file}:${place.source.position(place.start).line}`;
  return {
    ...at,
    code: "twice",
    message: `machine "${name}" is already given at ${where}`,
    hint: "Give it another name.",
  };
}

/** A URI of libvirt may name one as well: https://libvirt.org/uri.html#transport-configuration */
function runsProgram({ hub }: OutletSpec): boolean {
  if (hub.driver.name === "command") return true;
  const { settings } = hub;
  return (
    hub.driver.name === "libvirt" &&
    typeof settings === "object" &&
    settings !== null &&
    "uri" in settings &&
    String(settings.uri).includes("?")
  );
}
