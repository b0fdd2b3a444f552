/** From a file to a checked configuration: every problem of all its files at once, or machines and hubs ready to run. */
import { access } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { AccessRules } from "../power/access.ts";
import type { Driver } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import type { HubSpec, LimitSpec, MachineSpec } from "../power/spec.ts";
import { buildAccess } from "./access.ts";
import { refuse, refuseUnknownKeys } from "./check-value.ts";
import { checkMachines } from "./checks.ts";
import { buildCompat, type CompatSettings } from "./compat.ts";
import { buildHubs } from "./hubs.ts";
import { buildLimits } from "./limits.ts";
import { buildMaas, checkMaasNames, type MaasName, type MaasSettings } from "./maas.ts";
import { buildMachines } from "./machines.ts";
import { buildLog, buildMetrics, type LogSettings, type MetricsSettings } from "./monitoring.ts";
import { type Problem, Problems } from "./problem.ts";
import { buildProfiles } from "./profiles.ts";
import { Reader } from "./read.ts";
import { TOP_LEVEL } from "./schema.ts";
import { SecretKeys } from "./secret-keys.ts";
import { buildServer, buildStore, type ServerSettings, type StoreSettings, SYSTEM_FOLDER } from "./server.ts";
import type { Span } from "./source.ts";
import type { KnownHub, UseServices } from "./use.ts";
import { type Entry, type MapValue, scalarText, type Value } from "./value.ts";

export interface Configuration {
  /** Absolute; undefined for the demonstration. */
  readonly file: string | undefined;
  readonly server: ServerSettings;
  readonly access: AccessRules;
  readonly compat: CompatSettings;
  readonly store: StoreSettings;
  readonly metrics: MetricsSettings;
  readonly log: LogSettings;
  readonly maas: MaasSettings | undefined;
  /** Which machine of MAAS a machine is, by its name, where `maas:` at the machine says it. */
  readonly maasNames: ReadonlyMap<string, MaasName>;
  readonly hubs: readonly HubSpec[];
  readonly limits: readonly LimitSpec[];
  readonly machines: readonly MachineSpec[];
  /** Every file that was read, absolute. */
  readonly watchedFiles: readonly string[];
  readonly warnings: readonly Problem[];
  /** Those it may use, the user's own included. */
  readonly drivers: readonly Driver[];
  /** What `config show` prints. */
  readonly resolved: Resolved;
}

/** The document after ranges, profiles and placeholders, with the places where its values stand. */
export interface Resolved {
  readonly top: ReadonlyMap<string, Entry>;
  readonly hubs: ReadonlyMap<string, ReadonlyMap<string, Entry>>;
  readonly machines: ReadonlyMap<string, ReadonlyMap<string, Entry>>;
  /** Where each machine's name stands, or the range that it is in. */
  readonly places: ReadonlyMap<string, Span>;
}

export interface LoadOptions {
  readonly drivers: readonly Driver[];
  /** Loads a driver of the user's own. Throws PowerError. */
  readonly loadDriver?: (specifier: string, folder: string) => Promise<Driver>;
  readonly env?: NodeJS.ProcessEnv;
  /** Files are named relative to this folder in problems. */
  readonly cwd?: string;
}

export interface Loaded {
  /** Undefined when there is any error. */
  readonly configuration: Configuration | undefined;
  readonly problems: readonly Problem[];
  /** Drivers known with this configuration, the user's own included. */
  readonly drivers: readonly Driver[];
}

export function loadConfiguration(file: string, options: LoadOptions): Promise<Loaded> {
  const path = resolve(file);
  return load(path, options, (reader) => reader.file(path));
}

/** The same from a text; `file` is where it would stand. */
export function parseConfiguration(text: string, options: LoadOptions & { readonly file: string }): Promise<Loaded> {
  const path = resolve(options.file);
  return load(path, options, (reader) => reader.text(text, path));
}

/** The configuration to use: named, in the environment, here, or the system's. Undefined where there is none. */
export async function findConfiguration(
  explicit: string | undefined,
  env: NodeJS.ProcessEnv,
  cwd: string,
): Promise<string | undefined> {
  const named = explicit ?? env["MAASOCHIST_CONFIG"];
  if (named !== undefined && named !== "") return resolve(cwd, named.replace(/^~(?=\/)/, homedir()));
  for (const candidate of [resolve(cwd, "maasochist.yaml"), join(SYSTEM_FOLDER, "maasochist.yaml")]) {
    if (await exists(candidate)) return candidate;
  }
  return undefined;
}

/** One that this account may not look at is there all the same: nothing else may be taken in its place. */
function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== "ENOENT" && error.code !== "ENOTDIR",
  );
}

/** Where the journal of a configuration stands, whatever else is wrong with it. Absolute. */
export async function storePathOf(file: string, env: NodeJS.ProcessEnv): Promise<string> {
  const secretKeys = new SecretKeys([]);
  const problems = new Problems(secretKeys);
  const document = await new Reader(file, { env, problems, secretKeys, cwd: process.cwd() }).file(resolve(file));
  return buildStore(document?.entries.get("store")?.value, dirname(resolve(file)), problems).path;
}

async function load(
  path: string,
  options: LoadOptions,
  read: (reader: Reader) => Promise<MapValue | undefined>,
): Promise<Loaded> {
  const secretKeys = new SecretKeys(options.drivers);
  const problems = new Problems(secretKeys);
  const env = options.env ?? process.env;
  const reader = new Reader(path, { env, problems, secretKeys, cwd: options.cwd ?? process.cwd() });
  const document = await read(reader);
  if (!document) return { configuration: undefined, problems: problems.all, drivers: options.drivers };

  refuseUnknownKeys(document, { known: new Set(Object.keys(TOP_LEVEL)), of: "" }, problems);
  const value = (key: string): Value | undefined => {
    const given = document.entries.get(key)?.value;
    // A key with nothing behind it is as good as none: everything under it is commented out.
    return given?.kind === "scalar" && given.value === null && !given.secret ? undefined : given;
  };
  const folder = dirname(path);
  const drivers = await ownDrivers(document, { ...options, folder, problems });
  for (const driver of drivers) secretKeys.learn(driver);
  const server = buildServer(value("server"), folder, problems);
  const access = buildAccess(value("access"), problems);
  const store = buildStore(value("store"), folder, problems);
  const metrics = buildMetrics(value("metrics"), problems);
  const log = buildLog(value("log"), problems);
  const maas = buildMaas(value("maas"), problems);

  const services: UseServices = {
    drivers: new Map(drivers.map((driver) => [driver.name, driver])),
    hubs: new Map<string, KnownHub>(),
    named: new Map<string, KnownHub>(),
    broken: new Set<string>(),
    problems,
  };
  const hubsMap = mapOf(value("hubs"), "hubs", problems);
  const hubEntries = hubsMap ? buildHubs(hubsMap, services) : new Map<string, ReadonlyMap<string, Entry>>();
  const machinesMap = mapOf(value("machines"), "machines", problems);
  const profiles = buildProfiles(mapOf(value("profiles"), "profiles", problems), services);
  const machines = machinesMap ? buildMachines(machinesMap, { ...services, profiles }) : [];
  if (!value("machines") || machinesMap?.entries.size === 0) {
    problems.warning(document.entries.get("machines")?.key ?? document.at, {
      code: "no-machines",
      message: "there are no machines",
      hint: "Add some under `machines:`; `maasochist drivers` lists what there is for them.",
    });
  }
  checkMachines(machines, problems);
  checkMaasNames(machines, problems);
  const limits = buildLimits(value("limits"), {
    tags: new Set(machines.flatMap((machine) => machine.spec.tags)),
    hubs: new Set([...services.hubs.values()].map((hub) => hub.spec.name)),
    problems,
  });

  const names = new Set(machines.map((machine) => machine.spec.facts.name));
  const compat = buildCompat(value("compat"), { machines: names, problems });

  const all = problems.all;
  const configuration: Configuration = {
    file: path,
    server,
    access,
    compat,
    store,
    metrics,
    log,
    maas,
    maasNames: new Map(machines.flatMap(({ spec, maas: name }) => (name ? [[spec.facts.name, name]] : []))),
    hubs: [...services.hubs.values()].map((hub) => hub.spec),
    limits,
    machines: machines.map((machine) => machine.spec),
    watchedFiles: reader.watchedFiles,
    warnings: all,
    drivers,
    resolved: {
      top: document.entries,
      hubs: hubEntries,
      machines: new Map(machines.map((machine) => [machine.spec.facts.name, machine.entries])),
      places: new Map(machines.map((machine) => [machine.spec.facts.name, machine.at])),
    },
  };
  return { configuration: problems.errors > 0 ? undefined : configuration, problems: all, drivers };
}

function mapOf(value: Value | undefined, name: string, problems: Problems): MapValue | undefined {
  if (!value) return undefined;
  if (value.kind === "map") return value;
  refuse(value, `\`${name}:\` must be a map of names`, problems);
  return undefined;
}

interface OwnDriversOptions extends LoadOptions {
  readonly folder: string;
  readonly problems: Problems;
}

/** The built-in drivers and those that `drivers:` names. */
async function ownDrivers(
  document: MapValue,
  { drivers, loadDriver, folder, problems }: OwnDriversOptions,
): Promise<readonly Driver[]> {
  const named = document.entries.get("drivers");
  if (!named) return drivers;
  const known = [...drivers];
  const items = named.value.kind === "list" ? named.value.items : [named.value];
  for (const item of items) {
    const specifier = scalarText(item);
    if (specifier === undefined || !loadDriver) {
      problems.error(item.at, {
        code: "bad-value",
        message: loadDriver
          ? "drivers takes a list of files or packages, such as [./mine.mjs]"
          : "drivers of your own cannot be loaded here",
      });
      continue;
    }
    try {
      const driver = await loadDriver(specifier, folder);
      if (known.some((other) => other.name === driver.name))
        problems.error(item.at, { code: "twice", message: `there is a driver "${driver.name}" already` });
      else known.push(driver);
    } catch (thrown) {
      const { message, hint } = PowerError.from(thrown);
      problems.error(item.at, { code: "driver-module", message, hint });
    }
  }
  return known;
}
