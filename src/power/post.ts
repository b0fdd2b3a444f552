/**
 * Takes the orders for one machine and sees each to its end, one at a time.
 *
 * A request is *refused* (disabled, protected, locked, no way to do it, overruled): nothing is written, nothing
 * commanded. It *joins* the order under way when that leads to the same: the same verb, or `on` under a cycle or reset.
 * Else it is *accepted*: journalled before anything is commanded. If another order is under way that one is *superseded*
 * at its next safe point, and only when it has ended the new one runs; a cycle or reset that takes the place of an `on`
 * also answers those who wait for it. Orders end *done* (with the reading that proves it, and a grade), *failed*,
 * *superseded*, or *cut short* when the daemon stops.
 *
 * A repeat by automation within its click (`click.ts`): overruled by another actor, or refused for good, it gets the same
 * answer; of an order that may have acted and was not proven it reads, and hears of success if the goal now shows, else
 * the same failure; of one that was done it reads, and only a machine that left the goal is commanded again; of one that
 * failed without acting it is tried afresh. A person's order is always new.
 */
import { refusalOf } from "./admission.ts";
import type { Ticket } from "./api.ts";
import { type Click, Clicks, goalOf, serve } from "./click.ts";
import type { Clock } from "./clock.ts";
import { type ErrorCode, PowerError } from "./errors.ts";
import type { PowerEvent, PowerSignal } from "./events.ts";
import type { Journal, Lock } from "./journal.ts";
import type { Machine } from "./machine.ts";
import { type Actor, type Behind, isAutomation, type OrderRecord, type OrderRequest } from "./order.ts";
import { Progress } from "./progress.ts";
import { Run } from "./run.ts";
import type { Starts } from "./starts.ts";
import { obey } from "./verbs.ts";

/** Refusals that repeating cannot mend within a click. */
const FINAL: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "refused",
  "locked",
  "superseded",
  "protected",
  "disabled",
  "unsupported",
]);

export interface PostServices {
  readonly clock: Clock;
  readonly journal: Journal;
  readonly starts: Starts;
  readonly newId: () => string;
  /** Resolves when accepted orders and memories are on the disk, or cannot be. Never rejects. */
  readonly synced: () => Promise<void>;
  readonly tell: (event: PowerEvent) => void;
  readonly signal: (signal: PowerSignal) => void;
  /** The machine has no order under way any more, or the next one is about to run: it may be replaced. */
  readonly between: (post: Post) => void;
}

interface Standing {
  readonly record: OrderRecord;
  readonly abort: AbortController;
  /** The cycle or reset that took its place and answers for it. */
  absorbedBy: Standing | undefined;
  /** Resolves when it has ended, well or not. */
  readonly ended: Promise<void>;
  /** As its callers hear it: of a cycle that took its place they hear that one's end. */
  readonly done: Promise<OrderRecord>;
}

export class Post {
  machine: Machine;
  readonly #services: PostServices;
  readonly #clicks = new Clicks();
  #standing: Standing | undefined;
  #lastOrder: OrderRecord | undefined;
  #running = false;
  #stopping = false;

  constructor(machine: Machine, services: PostServices, lastOrder: OrderRecord | undefined) {
    this.machine = machine;
    this.#services = services;
    this.#lastOrder = lastOrder;
  }

  /** The order under way. */
  get order(): OrderRecord | undefined {
    return this.#standing?.record;
  }

  /** The last order that ended. */
  get lastOrder(): OrderRecord | undefined {
    return this.#lastOrder;
  }

  /** Is an order being obeyed by the machine as it is? One that waits for another's end is not. */
  get running(): boolean {
    return this.#running;
  }

  /** Resolves when no order is under way. */
  async idle(): Promise<void> {
    while (this.#standing) await this.#standing.ended;
  }

  /** Takes the request, or throws a PowerError that says why not: then nothing was commanded. */
  take(request: OrderRequest): Ticket {
    const { clock } = this.#services;
    const click = isAutomation(request.actor) ? this.#clicks.at(request.actor, request.verb, clock.now()) : undefined;
    try {
      this.#admit(request);
    } catch (thrown) {
      if (click) click.failure = PowerError.from(thrown);
      throw thrown;
    }
    const standing = this.#standing;
    if (standing && joins(request, standing.record)) return this.#join(standing, request, click);
    if (click?.overruledBy) throw supersededBy(click.overruledBy);
    if (click?.failure && FINAL.has(click.failure.code)) throw click.failure;
    const repeat = click?.order && this.#repeat(request, click, click.order);
    return repeat || this.#obeyAfresh(request, click);
  }

  /** Takes an order on the daemon's own account: what a restart cut short is completed. */
  complete(order: OrderRecord): void {
    const { actor, id, verb, machine } = order;
    this.#accept(
      { machine, verb: "on", actor, reason: `completes the ${verb} that a restart cut short` },
      { completes: id, turning: true },
    );
  }

  /** Ends the order under way at its next safe point. */
  end(reason: PowerError): void {
    this.#standing?.abort.abort(reason);
  }

  /** Adds who stands behind the order, if it is the one under way or the last that ended. */
  attribute(id: string, behind: Behind): void {
    const record = [this.#standing?.record, this.#lastOrder].find((known) => known?.id === id);
    if (!record) return;
    record.behind = behind;
    const { journal, clock, signal } = this.#services;
    if (record.endedAt === undefined) journal.update(record);
    else journal.amend(record);
    signal({ kind: "order:updated", at: clock.now(), order: record });
  }

  /** Takes no more orders. */
  stop(): void {
    this.#stopping = true;
  }

  setLock(lock: Lock | undefined, by: Actor): void {
    const before = this.machine.lock;
    if (!lock && !before) return;
    this.machine.remembered.setLock(lock);
    this.#services.tell({
      kind: lock ? "machine:locked" : "machine:unlocked",
      at: this.#services.clock.now(),
      machine: this.machine.name,
      by: by.name,
      actor: by.id,
      reason: lock?.reason ?? before?.reason ?? "",
    });
  }

  /** Throws where the order is not to be taken whatever the machine is doing. */
  #admit(request: OrderRequest): void {
    if (this.#stopping) throw new PowerError("busy", "the daemon is stopping and takes no new orders");
    const refusal = refusalOf(this.machine, request);
    if (refusal) throw refusal;
  }

  #join(standing: Standing, request: OrderRequest, click: Click | undefined): Ticket {
    const { record } = standing;
    if (click?.order === record) record.repeats += 1;
    else {
      record.joined.push(request.actor);
      if (click) serve(click, record, standing.done);
    }
    this.#update(record, "order:updated");
    return answered({ order: record, done: standing.done }, click, this.#services.clock);
  }

  /** The answer to a repeat of an order that has ended; undefined when it is to be obeyed afresh. */
  #repeat(request: OrderRequest, click: Click, order: OrderRecord): Ticket | undefined {
    const { failure } = click;
    if (failure && !failure.mayHaveActed) return undefined;
    order.repeats += 1;
    this.#services.journal.update(order);
    const look = async (): Promise<OrderRecord> => {
      const reading = await this.machine.query().catch((error: unknown) => {
        throw failure ?? error;
      });
      // A cycle that never came to its off has not happened, whatever the machine reads.
      const reached = order.verb === "on" || order.verb === "off" || order.turned === true;
      if (reached && this.machine.shows(reading, goalOf(order.verb))) return order;
      if (failure) throw failure;
      if (click.overruledBy) throw supersededBy(click.overruledBy);
      this.#admit(request);
      // It was obeyed once: what another order does meanwhile for the same goal is good enough.
      return (this.#standing ? this.#join(this.#standing, request, click) : this.#obeyAfresh(request, click)).done;
    };
    return answered({ order, done: look() }, click, this.#services.clock);
  }

  #obeyAfresh(request: OrderRequest, click: Click | undefined): Ticket {
    const { record: order, done } = this.#accept(request);
    if (click) serve(click, order, done);
    return answered({ order, done }, click, this.#services.clock);
  }

  #accept(request: OrderRequest, more: Pick<OrderRecord, "completes" | "turning"> = {}): Standing {
    const older = this.#standing;
    const { machine, verb, how, actor, reason, force } = request;
    const record: OrderRecord = {
      id: this.#services.newId(),
      machine,
      verb,
      ...(how && { how }),
      actor,
      ...(reason !== undefined && { reason }),
      forced: force ?? false,
      acceptedAt: this.#services.clock.now(),
      state: "waiting",
      steps: [],
      repeats: 0,
      joined: [],
      ...(older && { waitingFor: `the end of ${older.record.verb} by ${older.record.actor.name}` }),
      ...more,
    };
    this.#services.journal.accept(record);
    this.#services.signal({ kind: "order:accepted", at: record.acceptedAt, order: record });

    const abort = new AbortController();
    const run = this.#obey(record, { signal: abort.signal, after: older?.ended });
    const standing: Standing = {
      record,
      abort,
      absorbedBy: undefined,
      ended: run.then(noop, noop),
      done: run.catch((error: unknown) => standing.absorbedBy?.done ?? Promise.reject(error)),
    };
    standing.done.catch(noop);
    const absorbed = older !== undefined && absorbs(record, older.record);
    this.#clicks.accepted(record, standing.done, absorbed ? undefined : older?.record);
    this.#standing = standing;
    if (older) {
      if (absorbed) older.absorbedBy = standing;
      older.abort.abort(supersededBy(record));
    }
    return standing;
  }

  async #obey(
    record: OrderRecord,
    { signal, after }: { readonly signal: AbortSignal; readonly after: Promise<void> | undefined },
  ): Promise<OrderRecord> {
    // What the caller does after `take` returned comes first; nothing is commanded before the ticket is out.
    await (after ?? Promise.resolve());
    const { clock, starts, synced } = this.#services;
    const progress = new Progress(record, {
      clock,
      stepped: () => this.#services.signal({ kind: "order:updated", at: clock.now(), order: record }),
      journal: () => this.#services.journal.update(record),
    });
    using run = new Run(this.machine, { clock, starts, progress, synced, signal });
    let failure: PowerError | undefined;
    try {
      signal.throwIfAborted();
      record.state = "running";
      this.#running = true;
      delete record.waitingFor;
      const { grade, proof } = await obey(run, record);
      record.state = "done";
      record.grade = grade;
      record.proof = proof;
    } catch (thrown) {
      failure = PowerError.from(signal.aborted ? signal.reason : thrown);
      if (run.acted) failure = failure.acted();
      record.state = !signal.aborted ? "failed" : this.#stopping ? "cut_short" : "superseded";
      const { code, message, hint, mayHaveActed } = failure;
      record.error = { code, message, hint, mayHaveActed };
      delete record.waitingFor;
    }
    this.#running = false;
    record.endedAt = clock.now();
    if (this.#standing?.record === record) this.#standing = undefined;
    this.#lastOrder = record;
    this.#update(record, "order:ended");
    this.#services.between(this);
    await this.#services.journal.kept();
    if (failure) throw failure;
    return record;
  }

  #update(record: OrderRecord, kind: "order:updated" | "order:ended"): void {
    this.#services.journal.update(record);
    this.#services.signal({ kind, at: this.#services.clock.now(), order: record });
  }
}

/** Keeps the click open while its request is answered. */
function answered(ticket: Ticket, click: Click | undefined, clock: Clock): Ticket {
  ticket.done.catch(noop);
  if (!click) return ticket;
  click.open += 1;
  const close = () => {
    click.open -= 1;
    click.lastAt = clock.now();
  };
  ticket.done.then(close, close);
  return ticket;
}

/** The same verb joins what stands, and `on` a cycle or reset; but a hard off does not wait for a soft way. */
function joins(request: OrderRequest, standing: OrderRecord): boolean {
  if (request.verb === "on") return standing.verb !== "off";
  return request.verb === standing.verb && (request.how !== "hard" || standing.how === "hard");
}

/** Does the newer order lead to what the older one wanted, by way of an off? */
function absorbs(newer: OrderRecord, older: OrderRecord): boolean {
  return older.verb === "on" && newer.verb !== "off";
}

function supersededBy({ verb, actor, id }: OrderRecord): PowerError {
  return new PowerError("superseded", `${verb} by ${actor.name} took its place (${id})`);
}

function noop(): void {}
