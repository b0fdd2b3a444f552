/** What registering would change in MAAS, machine by machine; nothing is changed here. */
import type { MaasClient } from "./client.ts";
import { MaasError } from "./maas-error.ts";
import { type Match, matchMachines, type OwnMachine } from "./match.ts";
import { type Network, type Reach, reaches, reachFor, reachWords } from "./reach.ts";
import type { PowerParameters } from "./shapes.ts";
import type { MachineTokens } from "./tokens.ts";
import { differences, isOurs, tokenHash, type WebhookParameters, webhookParameters } from "./webhook-parameters.ts";

/** Machines whose parameters are asked for at once. */
const AT_ONCE = 4;
/** Power types by which MAAS switches nothing, so that nothing is lost with them. */
const POWERLESS: readonly string[] = ["", "manual"];

export type RefusalCode = "missing" | "ambiguous" | "locked" | "foreign" | "disabled" | "address" | "failed";

export interface Refusal {
  readonly kind: "refused";
  readonly code: RefusalCode;
  readonly reason: string;
  readonly hint: string;
}

export type Change =
  | { readonly kind: "none" }
  | {
      readonly kind: "update";
      /** The power type before; empty: none. */
      readonly from: string;
      /** Names of parameters that MAAS keeps otherwise; all of them where the power type changes. */
      readonly parameters: readonly (keyof WebhookParameters)[];
    }
  | { readonly kind: "create" }
  | Refusal;

export interface PlanItem {
  readonly own: OwnMachine;
  readonly match: Match;
  readonly change: Change;
  /** The address that MAAS is to use. */
  readonly reach: Reach | undefined;
  /** What MAAS keeps now; empty where its power type is another. */
  readonly kept: PowerParameters;
}

export interface PlanOptions {
  readonly client: MaasClient;
  readonly own: readonly OwnMachine[];
  /** Addresses of the daemon, in order of preference. */
  readonly urls: readonly string[];
  readonly network: Network;
  readonly tokens: MachineTokens;
  /** Takes over machines that MAAS powers in another way. */
  readonly replace?: boolean;
  /** Adds machines that MAAS does not have. */
  readonly create?: boolean;
  /** Gives machines a new token though theirs is right. */
  readonly rotate?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** In the order of the machines. Throws MaasError where MAAS cannot be asked at all. */
export async function planMachines(options: PlanOptions): Promise<PlanItem[]> {
  const { client, own, urls, network, signal } = options;
  const found = reaches(urls, network);
  const matched = await matchMachines(client, own, signal);
  const items = new Map<string, PlanItem>();
  const waiting = own.values();
  const takeTurns = async () => {
    for (const machine of waiting) {
      const match = matched.get(machine.name) ?? { kind: "missing", reason: "it was not looked for" };
      const reach = reachFor(found, match.kind === "found" ? match.machine : undefined);
      items.set(machine.name, { own: machine, match, reach, ...(await planOne(options, { machine, match, reach })) });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, takeTurns));
  return own.flatMap(({ name }) => items.get(name) ?? []);
}

interface Given {
  readonly machine: OwnMachine;
  readonly match: Match;
  readonly reach: Reach | undefined;
}

type Planned = Pick<PlanItem, "change" | "kept">;

async function planOne(options: PlanOptions, { machine, match, reach }: Given): Promise<Planned> {
  const { client, tokens, replace = false, create = false, rotate = false, signal } = options;
  const { name } = machine;
  if (!machine.enabled)
    return refused("disabled", "it takes no orders (`enabled: false`)", "Take `enabled: false` out first.");
  if (match.kind === "ambiguous")
    return refused("ambiguous", match.reason, "Say which it is, at the machine: `maas: { system_id: … }`.");
  if (!reach || reach.kind === "loopback") return refused("address", ...noAddress(reach));
  if (match.kind === "missing") {
    if (!create) return refused("missing", match.reason, "Enlist it in MAAS, or add it with --create.");
    if (machine.systemId !== undefined)
      return refused("missing", match.reason, "MAAS gives a new machine a system_id of its own: correct the one here.");
    if (machine.mac === undefined)
      return refused("missing", "MAAS adds no machine without a MAC address", "Give the machine its `mac:`.");
    return { change: { kind: "create" }, kept: {} };
  }
  const { system_id: id, power_type: type, locked } = match.machine;
  const from = type ?? "";
  let kept: PowerParameters = {};
  try {
    if (from === "webhook") kept = await client.powerParameters(id, signal);
  } catch (error) {
    if (!(error instanceof MaasError) || error.code === "unreachable") throw error;
    return refused("failed", error.message, error.hint);
  }
  const wanted = webhookParameters(reach.url, name, "");
  const changed = differences(kept, wanted, rotate ? [] : tokens.hashes(name));
  if (from === "webhook" && changed.length === 0) return { change: { kind: "none" }, kept };
  if (locked) return refused("locked", "it is locked in MAAS", "Unlock it there, and register it again.", kept);
  const foreign = from === "webhook" ? !isOurs(kept) : !POWERLESS.includes(from);
  if (foreign && !replace) {
    const by = from === "webhook" ? `webhooks at ${kept["power_on_uri"]}` : from;
    return refused("foreign", `MAAS powers it by ${by}`, "Take it over with --replace.", kept);
  }
  return { change: { kind: "update", from, parameters: changed }, kept };
}

function noAddress(reach: Reach | undefined): [reason: string, hint: string] {
  if (!reach)
    return [
      "it is not known where MAAS finds the daemon",
      "Set `server.url` to an address in a rack controller's subnet.",
    ];
  const { said, next = "" } = reachWords(reach);
  return [`${reach.host} is ${said}`, next];
}

function refused(code: RefusalCode, reason: string, hint: string, kept: PowerParameters = {}): Planned {
  return { change: { kind: "refused", code, reason, hint }, kept };
}

/** The token that MAAS keeps, where it is one of the machine's own. */
export function keptToken({ own, kept }: PlanItem, tokens: MachineTokens): string | undefined {
  const token = kept["power_token"] ?? "";
  return tokens.hashes(own.name).includes(tokenHash(token)) ? token : undefined;
}
