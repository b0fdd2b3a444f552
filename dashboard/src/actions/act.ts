/** Asks for what people want of machines, and follows it to its end. */
import { ask, failureFrom } from "../api/client.ts";
import type { BulkResult, Machine, OrderRecord, Verb } from "../api/types.ts";
import { change, current, listen } from "../state/store.ts";
import { VERB_WORDS } from "../words/words.ts";
import { type Failed, type Progress, startTask } from "./tasks.ts";

/** A request's body must not grow without bound. */
const AT_ONCE = 500;
/** Measuring one by one, a hub would be the last to answer; too many at once would wait here. */
const QUERIES_AT_ONCE = 6;
const QUERY_TIMEOUT_MS = 20_000;

export interface Wish {
  readonly verb: Verb;
  readonly how?: "hard";
  readonly reason?: string;
  readonly force?: boolean;
}

export async function order(machines: readonly string[], wish: Wish): Promise<void> {
  const { doing, done } = VERB_WORDS[wish.verb];
  const progress = startTask({ doing, done }, machines.length);
  for (let first = 0; first < machines.length; first += AT_ONCE) {
    const some = machines.slice(first, first + AT_ONCE);
    try {
      const body = { machines: some, ...wish };
      const { results } = await ask<{ readonly results: readonly BulkResult[] }>("orders/bulk", {
        method: "POST",
        body,
      });
      for (const result of results) void followed(result, progress);
    } catch (error) {
      const failure = failureFrom(error);
      for (const machine of some) progress.end({ machine, failure });
    }
  }
}

async function followed({ machine, order: accepted, error }: BulkResult, progress: Progress): Promise<void> {
  if (error || !accepted) {
    progress.end(error && { machine, failure: error });
    return;
  }
  progress.end(failedOf(await ended(accepted)));
}

function failedOf({ machine, state, error }: OrderRecord): Failed | undefined {
  if (state === "done") return undefined;
  const hint = state === "superseded" ? "Somebody asked for something else meanwhile; the events tell who." : "";
  return { machine, failure: error ?? { code: state, message: `it was ${state.replace("_", " ")}`, hint } };
}

/** The order as it ended. What the stream does not tell any more is asked for. */
function ended(order: OrderRecord): Promise<OrderRecord> {
  return new Promise((resolve) => {
    const look = () => {
      const machine = current().machines?.get(order.machine);
      if (machine?.lastOrder?.id === order.id) {
        stop();
        resolve(machine.lastOrder);
      } else if (!machine || (machine.lastOrder && machine.lastOrder.acceptedAt > order.acceptedAt)) {
        stop();
        ask<{ readonly order: OrderRecord }>(`orders/${order.id}`).then(
          (answer) => resolve(answer.order),
          (error: unknown) => resolve({ ...order, state: "failed", error: { ...asRecorded(error) } }),
        );
      }
    };
    const stop = listen(look);
    look();
  });
}

function asRecorded(error: unknown): NonNullable<OrderRecord["error"]> {
  const { message, hint } = failureFrom(error);
  return { code: "unreachable", message, hint, mayHaveActed: true };
}

/** Measures machines now. */
export async function check(machines: readonly string[]): Promise<void> {
  const progress = startTask({ doing: "Checking power of", done: "checked" }, machines.length);
  const left = [...machines];
  const worker = async () => {
    for (let name = left.shift(); name !== undefined; name = left.shift()) progress.end(await checked(name));
  };
  await Promise.all(Array.from({ length: QUERIES_AT_ONCE }, worker));
}

async function checked(machine: string): Promise<Failed | undefined> {
  try {
    const path = `machines/${encodeURIComponent(machine)}/query`;
    change({ machines: [await ask<Machine>(path, { method: "POST", timeoutMs: QUERY_TIMEOUT_MS })] });
    return undefined;
  } catch (error) {
    return { machine, failure: failureFrom(error) };
  }
}

/** With a reason machines are locked, without one unlocked. */
export async function lock(machines: readonly string[], reason: string | undefined): Promise<void> {
  const words = reason === undefined ? { doing: "Unlocking", done: "unlocked" } : { doing: "Locking", done: "locked" };
  const progress = startTask(words, machines.length);
  for (const machine of machines) {
    try {
      const path = `machines/${encodeURIComponent(machine)}/${reason === undefined ? "unlock" : "lock"}`;
      const body = reason === undefined ? {} : { body: { reason } };
      change({ machines: [await ask<Machine>(path, { method: "POST", ...body })] });
      progress.end();
    } catch (error) {
      progress.end({ machine, failure: failureFrom(error) });
    }
  }
}
