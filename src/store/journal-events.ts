/** What the journal tells of orders beside the domain's own events, and of itself. */
import type { PowerEvent } from "../power/events.ts";
import type { OrderRecord } from "../power/order.ts";

export interface OrderEvent {
  readonly kind: "order:accepted" | "order:ended";
  readonly at: number;
  readonly machine: string;
  readonly order: Pick<
    OrderRecord,
    | "id"
    | "verb"
    | "state"
    | "actor"
    | "grade"
    | "error"
    | "repeats"
    | "reason"
    | "behind"
    | "acceptedAt"
    | "endedAt"
    | "forced"
  >;
}

export function hasEnded(order: OrderRecord): boolean {
  return order.state !== "waiting" && order.state !== "running";
}

/** A time in which nothing could be written (ms since 1970), why, and how many events it cost. */
interface Gap {
  readonly since: number;
  readonly until: number;
  readonly problem: string;
  readonly missed: number;
}

/** Written when all is well again, so that the history tells of its own gap. */
export function gapNote({ since, until, problem, missed }: Gap): PowerEvent {
  const seconds = Math.round((until - since) / 1_000);
  return {
    kind: "journal:failed",
    at: since,
    message: `${problem} It lasted ${seconds} s; ${missed} ${missed === 1 ? "event is" : "events are"} missing.`,
  };
}

/** An order that a crash left open; when it ended, and how, nobody knows. */
export function cutShort(order: OrderRecord): void {
  order.state = "cut_short";
  order.error = {
    code: "busy",
    message: "the daemon ended before the order did",
    hint: "Look at the machine, and order again.",
    mayHaveActed: true,
  };
}

export function orderEvent(kind: OrderEvent["kind"], at: number, order: OrderRecord): OrderEvent {
  const { id, verb, state, actor, grade, error, repeats, reason, acceptedAt, endedAt, forced, machine, behind } = order;
  return {
    kind,
    at,
    machine,
    order: {
      id,
      verb,
      state,
      actor,
      repeats,
      acceptedAt,
      forced,
      ...(grade && { grade }),
      ...(error && { error }),
      ...(reason !== undefined && { reason }),
      ...(behind && { behind }),
      ...(endedAt !== undefined && { endedAt }),
    },
  };
}
