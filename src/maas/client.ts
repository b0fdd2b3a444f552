/**
 * MAAS's API 2.0, as much of it as registration, checking and looking up machines need.
 * Paths, operations and answers: canonical/maas src/maasserver/urls_api.py and src/maasserver/api/*.py, 3.3 to 3.8.
 * Operations are named in the query (`?op=…`), which every version takes.
 */
import { z } from "zod";
import { MaasError } from "./maas-error.ts";
import {
  EVENTS,
  MACHINE,
  type MaasEvent,
  type MaasMachine,
  type MaasRack,
  type MaasSubnet,
  type MaasUser,
  type MaasVersion,
  POWER_PARAMETERS,
  POWER_STATE,
  POWER_TYPES,
  type PowerParameters,
  RACK,
  SUBNET,
  USER,
  VERSION,
} from "./shapes.ts";
import { type Form, type MaasRequest, Transport, type TransportOptions } from "./transport.ts";

/** Values of a filter in one request: its line may have some kilobytes. */
const MOST_VALUES = 50;
/** MAAS lets its rack ask for 60 s. */
const POWER_STATE_TIMEOUT_MS = 75_000;
/** A rack that cannot be used now is said soon, not waited for. */
const POWER_STATE_PATIENCE_MS = 15_000;

export type MaasClientOptions = TransportOptions;

/** Which machines: those that fit any value of any key. */
export interface MachineFilter {
  readonly ids?: readonly string[];
  /** In any writing. */
  readonly macs?: readonly string[];
  /** Short host names, exactly as MAAS has them. */
  readonly hostnames?: readonly string[];
}

export interface PowerSettings {
  readonly powerType: string;
  readonly parameters: PowerParameters;
}

export interface NewMachine extends PowerSettings {
  /** `amd64/generic`. */
  readonly architecture: string;
  readonly macs: readonly string[];
  readonly hostname: string;
}

/** What MAAS says of a machine's power when it asks now. */
export type MaasPowerState = "on" | "off" | "unknown" | "error";

/** Every call throws MaasError, and the signal's own reason when that aborts. */
export class MaasClient implements AsyncDisposable {
  readonly url: string;
  readonly #transport: Transport;

  constructor(options: MaasClientOptions) {
    this.url = options.url;
    this.#transport = new Transport(options);
  }

  /** How far MAAS's clock is ahead of ours (ms), by its last answer; undefined before the first. */
  get skewMs(): number | undefined {
    return this.#transport.skewMs;
  }

  version(signal?: AbortSignal): Promise<MaasVersion> {
    return this.#get(VERSION, { path: "version/", what: "the version", signal });
  }

  /** Who the key belongs to. */
  whoAmI(signal?: AbortSignal): Promise<MaasUser> {
    return this.#get(USER, { path: "users/", query: { op: "whoami" }, what: "who the key belongs to", signal });
  }

  /** Names of the power types that MAAS knows. */
  async powerTypes(signal?: AbortSignal): Promise<readonly string[]> {
    const query = { op: "describe_power_types" };
    const types = await this.#get(POWER_TYPES, { path: "rackcontrollers/", query, what: "the power types", signal });
    return types.map(({ name }) => name);
  }

  rackControllers(signal?: AbortSignal): Promise<readonly MaasRack[]> {
    return this.#get(z.array(RACK), { path: "rackcontrollers/", what: "the rack controllers", signal });
  }

  subnets(signal?: AbortSignal): Promise<readonly MaasSubnet[]> {
    return this.#get(z.array(SUBNET), { path: "subnets/", what: "the subnets", signal });
  }

  /** All machines, or those of the filter; each once. */
  async machines(filter: MachineFilter = {}, signal?: AbortSignal): Promise<readonly MaasMachine[]> {
    const { ids, macs, hostnames } = filter;
    const queries: (Form | undefined)[] = [
      ...pieces(ids).map((values) => ({ id: values })),
      // Since 3.4 the filter compares texts: only lower case with colons finds anything.
      ...pieces(macs?.map((mac) => mac.toLowerCase().replaceAll("-", ":"))).map((values) => ({ mac_address: values })),
      ...pieces(hostnames).map((values) => ({ hostname: values })),
    ];
    if (!ids && !macs && !hostnames) queries.push(undefined);
    const found = new Map<string, MaasMachine>();
    for (const query of queries) {
      const asked = { path: "machines/", what: "the machines", signal, ...(query && { query }) };
      for (const machine of await this.#get(z.array(MACHINE), asked)) found.set(machine.system_id, machine);
    }
    return [...found.values()];
  }

  machine(id: string, signal?: AbortSignal): Promise<MaasMachine> {
    return this.#get(MACHINE, { path: machinePath(id), what: `machine ${id}`, signal });
  }

  /** What MAAS keeps for a machine's power type, secrets included. */
  async powerParameters(id: string, signal?: AbortSignal): Promise<PowerParameters> {
    const query = { op: "power_parameters" };
    const what = `the power parameters of ${id}`;
    const kept = await this.#get(POWER_PARAMETERS, { path: machinePath(id), query, what, signal });
    return Object.fromEntries(Object.entries(kept).map(([name, value]) => [name, value === null ? "" : String(value)]));
  }

  /** Sets the power type and these parameters; MAAS keeps all others that it has. Nothing is switched. */
  updatePower(id: string, settings: PowerSettings, signal?: AbortSignal): Promise<MaasMachine> {
    return this.#change({
      method: "PUT",
      path: machinePath(id),
      form: powerForm(settings),
      secrets: secretsIn(settings),
      what: `machine ${id}`,
      signal,
    });
  }

  /** Adds a machine, without letting MAAS commission it: that would switch it on. */
  createMachine({ architecture, macs, hostname, ...settings }: NewMachine, signal?: AbortSignal): Promise<MaasMachine> {
    return this.#change({
      method: "POST",
      path: "machines/",
      form: { architecture, mac_addresses: macs, hostname, commission: "false", ...powerForm(settings) },
      secrets: secretsIn(settings),
      what: `new machine ${hostname}`,
      signal,
    });
  }

  /** Lets MAAS ask the machine now, through a rack controller; takes up to a minute. */
  async queryPowerState(id: string, signal?: AbortSignal): Promise<MaasPowerState> {
    const { state } = await this.#get(POWER_STATE, {
      path: machinePath(id),
      query: { op: "query_power_state" },
      what: `the power state of ${id}`,
      timeoutMs: POWER_STATE_TIMEOUT_MS,
      patienceMs: POWER_STATE_PATIENCE_MS,
      signal,
    });
    return state === "on" || state === "off" || state === "error" ? state : "unknown";
  }

  /** What MAAS noted of a machine, the newest first. */
  async events(
    id: string,
    { limit = 20, level = "INFO" }: { readonly limit?: number; readonly level?: "INFO" | "DEBUG" } = {},
    signal?: AbortSignal,
  ): Promise<readonly MaasEvent[]> {
    const query = { op: "query", id, level, limit: String(limit) };
    const { events } = await this.#get(EVENTS, { path: "events/", query, what: `the events of ${id}`, signal });
    return events.toSorted((a, b) => b.id - a.id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#transport[Symbol.asyncDispose]();
  }

  async #get<Shape extends z.ZodType>(shape: Shape, asked: Omit<MaasRequest, "method">): Promise<z.output<Shape>> {
    return shaped(shape, await this.#transport.json({ ...asked, method: "GET" }), asked.what);
  }

  async #change(asked: MaasRequest): Promise<MaasMachine> {
    return shaped(MACHINE, await this.#transport.json(asked), asked.what);
  }
}

function machinePath(id: string): string {
  return `machines/${encodeURIComponent(id)}/`;
}

/** Always with something in it: a PUT or POST without a body has no form at all for MAAS. */
function powerForm({ powerType, parameters }: PowerSettings): Form {
  const named = Object.entries(parameters).map(([name, value]) => [`power_parameters_${name}`, value]);
  return { power_type: powerType, ...Object.fromEntries(named) };
}

function secretsIn({ parameters }: PowerSettings): string[] {
  return ["power_token", "power_pass"].flatMap((name) => parameters[name] ?? []);
}

function pieces(values: readonly string[] | undefined): string[][] {
  const each = [...new Set(values)];
  return Array.from({ length: Math.ceil(each.length / MOST_VALUES) }, (_, index) =>
    each.slice(index * MOST_VALUES, (index + 1) * MOST_VALUES),
  );
}

function shaped<Shape extends z.ZodType>(shape: Shape, data: unknown, what: string): z.output<Shape> {
  const result = shape.safeParse(data);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const where = issue ? `${issue.path.map(String).join(".") || "it"}: ${issue.message}` : "unknown";
  throw new MaasError("protocol", `${what}: MAAS answers in a form that is not known here (${where})`);
}
