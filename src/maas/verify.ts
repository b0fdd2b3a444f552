/**
 * Lets MAAS itself ask a machine, compares with what the daemon reads, and finds out why they differ: by what the daemon
 * saw of MAAS's request, by the same request from here, and by what MAAS noted.
 */
import type { MaasClient, MaasPowerState } from "./client.ts";
import { MaasError } from "./maas-error.ts";
import type { PlanItem } from "./plan.ts";
import { replayAsMaas } from "./webhook-exchange.ts";

/** A request is remembered with the time of the first of several within a second (ms); clocks of one host agree. */
const SAME_SECOND_MS = 1_000;
/** Longest that the same request may take from here (ms). */
const LONGEST_REPLAY_MS = 20_000;

/** What the daemon knows of a machine. */
export interface OwnView {
  readonly state: "on" | "off" | "unknown" | "error";
  /** Why it cannot be read. */
  readonly error?: { readonly message: string; readonly hint: string };
  /** MAAS's last request that was let in (ms since 1970). */
  readonly polled?: { readonly at: number };
  /** Its last one that was not. */
  readonly refused?: { readonly at: number; readonly code: string; readonly address?: string };
}

export interface VerifyOptions {
  readonly client: MaasClient;
  /** Reads the machine now. */
  readonly look: (machine: string) => Promise<OwnView>;
  /** ms since 1970, by the daemon's clock. */
  readonly now: () => number;
  readonly signal?: AbortSignal | undefined;
}

export interface Verified {
  readonly machine: string;
  readonly ok: boolean;
  /** Undefined: MAAS was not asked. */
  readonly maas?: MaasPowerState;
  readonly own?: OwnView["state"];
  /** Why it is not well, and what to do. */
  readonly cause?: string;
  readonly next?: string;
}

/** Throws only when the signal aborts, and what `look` throws. */
export async function verifyMachine(item: PlanItem, options: VerifyOptions): Promise<Verified> {
  const { own, match, change } = item;
  const machine = own.name;
  const wrong = (cause: string, next: string): Verified => ({ machine, ok: false, cause, next });
  if (change.kind === "refused") return wrong(change.reason, change.hint);
  if (match.kind !== "found" || change.kind === "create")
    return wrong("it is not in MAAS", `Register it: \`maasochist maas register ${machine} --create\`.`);
  if (change.kind === "none") return compare(item, match.machine.system_id, options);
  const next = `Run \`maasochist maas register ${machine}\`.`;
  if (change.from !== "webhook") return wrong("it is not registered", next);
  const settings = `MAAS has other settings (${change.parameters.join(", ")})`;
  // With another address MAAS would ask somebody else. A token that was entered by hand may be as good as ours.
  if (change.parameters.includes("power_query_uri")) return wrong(settings, next);
  const verified = await compare(item, match.machine.system_id, options);
  if (verified.ok) return { ...verified, next: `${settings}, and they work. ${next}` };
  return { ...verified, cause: `${settings}; ${verified.cause ?? ""}`, next };
}

async function compare(item: PlanItem, id: string, options: VerifyOptions): Promise<Verified> {
  const { client, look, now, signal } = options;
  const machine = item.own.name;
  const before = await look(machine);
  const since = now();
  let maas: MaasPowerState;
  try {
    maas = await client.queryPowerState(id, signal);
  } catch (error) {
    if (!(error instanceof MaasError)) throw error;
    return { machine, ok: false, own: before.state, cause: error.message, next: error.hint };
  }
  const after = await look(machine);
  const facts = { machine, maas, own: after.state };
  const agree = (maas === "on" || maas === "off") && (maas === after.state || maas === before.state);
  if (agree && hasArrived(after.polled?.at, since)) return { ...facts, ok: true };
  return { ...facts, ok: false, ...(await causeOf(item, id, { after, since, maas, options })) };
}

interface Difference {
  readonly after: OwnView;
  readonly since: number;
  readonly maas: MaasPowerState;
  readonly options: VerifyOptions;
}

type Cause = Required<Pick<Verified, "cause" | "next">>;

async function causeOf(item: PlanItem, id: string, { after, since, maas, options }: Difference): Promise<Cause> {
  const { own, reach } = item;
  const { refused, polled, error } = after;
  if (refused && hasArrived(refused.at, since)) return refusedCause(refused, own.name);
  if (!hasArrived(polled?.at, since)) {
    const host = reach?.host ?? "the daemon";
    const failed = await replayFailure(item, options.signal);
    if (failed !== undefined)
      return { cause: `MAAS's request did not arrive: ${failed}`, next: `Correct what is at ${reach?.url ?? host}.` };
    const noted = await noteOf(id, options);
    return {
      cause: `MAAS's request did not arrive, though ${host} answers from here${noted}`,
      next: `Let the rack controllers reach ${reach?.url ?? host}: a firewall, a route, or another host with this address is between.`,
    };
  }
  if (error) return { cause: `MAAS asked, and the daemon cannot read the machine: ${error.message}`, next: error.hint };
  if (after.state === "unknown")
    return {
      cause: "MAAS asked, and nothing tells the machine's state",
      next: "Give it a `query:`, such as `{ driver: reachable }`.",
    };
  return {
    cause: `MAAS asked and reads ${maas}, the daemon reads ${after.state}${await noteOf(id, options)}`,
    next: "Verify it again: it may have been switched meanwhile. Else see what stands between, such as a proxy that keeps answers.",
  };
}

function hasArrived(at: number | undefined, since: number): boolean {
  return at !== undefined && at >= since - SAME_SECOND_MS;
}

function refusedCause({ code, address }: NonNullable<OwnView["refused"]>, machine: string): Cause {
  const from = address === undefined ? "" : ` from ${address}`;
  const what = `MAAS's request${from} arrived and was refused`;
  if (code === "forbidden_network")
    return { cause: `${what}: its token may not be used from there`, next: "Correct `from:` of the token." };
  // A token that is known is let in however many wrong ones came before: `throttled` is an unknown one too.
  return {
    cause: `${what}: its token is not known`,
    next: `Give it a new one: \`maasochist maas register ${machine} --rotate\`.`,
  };
}

/** What is wrong with the query as it is asked from here; undefined where it is answered well. */
async function replayFailure({ own, reach, kept }: PlanItem, signal?: AbortSignal): Promise<string | undefined> {
  if (!reach) return undefined;
  const late = AbortSignal.timeout(LONGEST_REPLAY_MS);
  const replay = replayAsMaas({
    url: reach.url,
    machine: own.name,
    token: kept["power_token"] ?? "",
    act: false,
    signal: signal ? AbortSignal.any([signal, late]) : late,
  });
  try {
    for await (const { outcome, what, explanation } of replay)
      if (outcome === "failed") return `${what}: ${explanation}`;
    return undefined;
  } catch {
    signal?.throwIfAborted();
    return `${reach.url} does not answer within ${LONGEST_REPLAY_MS / 1_000} s`;
  }
}

/** What MAAS noted last, where it did. */
async function noteOf(id: string, { client, signal }: VerifyOptions): Promise<string> {
  try {
    const [event] = await client.events(id, { limit: 5 }, signal);
    if (!event) return "";
    const said = event.description === "" ? event.type : `${event.type}: ${event.description}`;
    return `; MAAS noted: ${said}`;
  } catch (error) {
    if (!(error instanceof MaasError)) throw error;
    return "";
  }
}
