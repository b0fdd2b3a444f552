/**
 * The one place that decides what is commanded. Drivers act and read; fronts (MAAS's webhooks, the API, the command
 * line) ask; the controller takes orders, obeys them one per machine, and says only what a reading proves.
 *
 * An order's life. *Refused*: the machine is unknown, disabled, protected, cannot do it, or has an opposite order under
 * way: nothing is written, nothing commanded. *Joined*: the same verb is under way already (`on` also joins a cycle or
 * reset): the caller shares its end. *Waiting*: accepted and written to the journal, before anything is commanded.
 * *Running*: commands, rests and proofs of `run.ts` and `verbs.ts`. It ends *done* (with the reading that proves it, and
 * a grade), *failed*, *superseded* (cancelled at its next safe point) or *cut short* (the daemon stopped).
 *
 * A repeat by automation within its click (`click.ts`): of an order that was refused for good it gets the same answer; of
 * one that ended unproven, or whose command may have acted and must not be repeated, it reads, and hears of success if
 * the goal now shows, else the same failure; of one that was done it reads, and only a machine that left the goal is
 * commanded again, unless another actor's order made it leave; of one that failed without acting it is tried afresh.
 * A person's order is always new.
 *
 * Queries never wait for orders: they answer the latest reading if it is fresh, and measure otherwise.
 */
import type { HubView, MachineView, Power, Ticket } from "./api.ts";
import { type Click, Clicks } from "./click.ts";
import type { Clock } from "./clock.ts";
import type { ListedOutlet } from "./driver.ts";
import { type ErrorCode, messageOf, PowerError } from "./errors.ts";
import { type Listener, type PowerEvent, Signals } from "./events.ts";
import { Hub, type Traffic } from "./hub.ts";
import type { Journal, Memory } from "./journal.ts";
import { Machine } from "./machine.ts";
import { nearest } from "./names.ts";
import { type Actor, isAutomation, type OrderRecord, type OrderRequest } from "./order.ts";
import type { Reading } from "./reading.ts";
import { Run } from "./run.ts";
import type { HubSpec, MachineSpec, OutletSpec } from "./spec.ts";
import { obey } from "./verbs.ts";

export interface ControllerOptions {
  readonly machines: readonly MachineSpec[];
  readonly clock: Clock;
  readonly journal: Journal;
  readonly memory: Memory;
  /** The last order of each machine, from an earlier life of the daemon. */
  readonly lastOrders?: ReadonlyMap<string, OrderRecord>;
}

/** Refusals that repeating cannot mend within a click. */
const FINAL: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "refused",
  "locked",
  "superseded",
  "protected",
  "disabled",
  "unsupported",
]);

interface Standing {
  readonly record: OrderRecord;
  readonly done: Promise<OrderRecord>;
  readonly abort: AbortController;
}

interface Post {
  readonly machine: Machine;
  readonly clicks: Clicks;
  standing: Standing | undefined;
  lastOrder: OrderRecord | undefined;
}

export class PowerController implements Power {
  readonly #clock: Clock;
  readonly #journal: Journal;
  readonly #signals = new Signals();
  readonly #traffic: Traffic = { open: 0 };
  readonly #hubs = new Map<string, { readonly hub: Hub; readonly machines: Set<string> }>();
  readonly #posts = new Map<string, Post>();
  #stopping = false;
  #orders = 0;

  constructor(options: ControllerOptions) {
    this.#clock = options.clock;
    this.#journal = options.journal;
    for (const spec of options.machines) {
      const { name } = spec.facts;
      const machine = new Machine(spec, {
        clock: options.clock,
        memory: options.memory,
        hub: (outlet) => this.#hub(outlet, name),
        tell: (event) => this.#tell(event),
        orderOf: (machine) => this.#posts.get(machine)?.standing?.record.id,
      });
      const lastOrder = options.lastOrders?.get(name);
      this.#posts.set(name, { machine, clicks: new Clicks(), standing: undefined, lastOrder });
    }
  }

  get names(): readonly string[] {
    return [...this.#posts.keys()];
  }

  /** Exchanges under way now, over all hubs. */
  get openExchanges(): number {
    return this.#traffic.open;
  }

  has(machine: string): boolean {
    return this.#posts.has(machine);
  }

  machine(name: string): MachineView {
    const { machine, standing, lastOrder } = this.#post(name);
    return {
      spec: machine.spec,
      reading: machine.reading,
      error: machine.error,
      order: standing?.record,
      lastOrder,
      verbs: machine.verbs,
    };
  }

  hubs(): readonly HubView[] {
    return [...this.#hubs.values()].map(({ hub, machines }) => ({
      spec: hub.spec,
      machines: [...machines],
      connected: hub.connected,
      queued: hub.queued,
      running: hub.running,
      failing: hub.failing,
      lastExchange: hub.lastExchange,
    }));
  }

  async list(name: string, signal: AbortSignal): Promise<readonly ListedOutlet[]> {
    const hub = [...this.#hubs.values()].map((known) => known.hub).find((known) => known.spec.name === name);
    if (!hub)
      throw notFound(
        "hub",
        name,
        this.hubs().map((known) => known.spec.name),
      );
    const { list } = hub.spec.driver;
    if (!list) throw new PowerError("unsupported", `${hub.spec.driver.name} cannot list its outlets`);
    const { value } = await hub.exchange({
      priority: "query",
      kind: "read",
      signal,
      run: (connection, signal) => list(connection, { signal }),
    });
    return value;
  }

  async query(name: string): Promise<Reading> {
    return this.#post(name).machine.query();
  }

  freshReading(name: string): Reading | undefined {
    return this.#posts.get(name)?.machine.freshReading();
  }

  order(request: OrderRequest): Ticket {
    const post = this.#post(request.machine);
    const now = this.#clock.now();
    const automatic = isAutomation(request.actor);
    const click = automatic ? post.clicks.find(request.actor, request.verb, now) : undefined;
    if (click) click.lastAt = now;
    if (this.#stopping) throw new PowerError("busy", "the daemon is stopping and takes no new orders");

    const { standing } = post;
    if (standing && joins(request, standing.record)) return this.#join(post, standing, request, click);
    if (standing) {
      throw new PowerError(
        "busy",
        `${request.machine} is under way to another goal: ${standing.record.verb} by ${standing.record.actor.name}`,
        {
          hint: `Wait until it has ended, or end it with \`maasochist cancel ${standing.record.id}\`.`,
          status: 409,
        },
      );
    }
    const repeat = click && this.#repeat(post, request, click);
    if (repeat) return repeat;
    try {
      this.#admit(post.machine, request);
    } catch (thrown) {
      if (automatic) this.#remember(post, request, { order: undefined, failure: PowerError.from(thrown) });
      throw thrown;
    }
    return this.#accept(post, request);
  }

  orders(): readonly OrderRecord[] {
    return [...this.#posts.values()].flatMap((post) => (post.standing ? [post.standing.record] : []));
  }

  cancel(id: string, actor: Actor): void {
    for (const { standing } of this.#posts.values()) {
      if (standing?.record.id !== id) continue;
      standing.abort.abort(
        new PowerError("superseded", `cancelled by ${actor.name}`, { hint: "What it had done by then stays done." }),
      );
      return;
    }
    throw new PowerError("not_found", `no order ${id} is under way`, {
      hint: "`maasochist orders` lists those that are.",
    });
  }

  listen(listener: Listener): () => void {
    return this.#signals.listen(listener);
  }

  /**
   * Takes no more orders, and ends those under way at their next safe point when `graceMs` are over.
   * Resolves when all have ended and every hub is closed.
   */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    const running = [...this.#posts.values()].flatMap((post) => (post.standing ? [post.standing] : []));
    const ended = Promise.allSettled(running.map((standing) => standing.done));
    const over = new AbortController();
    const grace = this.#clock.sleep(graceMs, over.signal).then(
      () => {
        for (const standing of running)
          standing.abort.abort(new PowerError("busy", "the daemon stopped before it was done"));
      },
      () => undefined,
    );
    await ended;
    over.abort();
    await grace;
    await Promise.all([...this.#hubs.values()].map(({ hub }) => hub[Symbol.asyncDispose]()));
  }

  #hub(outlet: OutletSpec, machine: string): Hub {
    const spec: HubSpec = outlet.hub;
    let known = this.#hubs.get(spec.key);
    if (!known) {
      known = { hub: new Hub(spec, { clock: this.#clock, traffic: this.#traffic }), machines: new Set() };
      this.#hubs.set(spec.key, known);
    }
    known.machines.add(machine);
    return known.hub;
  }

  #post(name: string): Post {
    const post = this.#posts.get(name);
    if (!post) throw notFound("machine", name, this.#posts.keys());
    return post;
  }

  /** Throws where the order is not to be taken whatever the machine is doing. */
  #admit(machine: Machine, { verb, actor, force }: OrderRequest): void {
    const { name, spec } = machine;
    if (!spec.enabled) throw new PowerError("disabled", `${name} is disabled`);
    if (!machine.verbs.includes(verb)) throw new PowerError("unsupported", `${name} has no way to ${verb}`);
    const guarded = spec.protect === "all" || (spec.protect === "people" && !isAutomation(actor));
    if (verb !== "on" && guarded && !force) {
      throw new PowerError(
        "protected",
        `${name} is protected against ${verb} by ${spec.protect === "all" ? "anybody" : "people"}`,
      );
    }
  }

  #join(post: Post, standing: Standing, request: OrderRequest, click: Click | undefined): Ticket {
    const { record } = standing;
    if (click?.order === record) record.repeats += 1;
    else {
      record.joined.push(request.actor);
      if (isAutomation(request.actor)) this.#remember(post, request, { order: record, failure: undefined });
    }
    this.#update(record, "order:updated");
    return this.#ticket(post, request, record, standing.done);
  }

  /** The answer to a repeat within a click; undefined when it is to be obeyed afresh. */
  #repeat(post: Post, request: OrderRequest, click: Click): Ticket | undefined {
    const { order, failure } = click;
    if (order) order.repeats += 1;
    const overruled =
      order &&
      post.lastOrder &&
      post.lastOrder !== order &&
      post.lastOrder.acceptedAt > order.acceptedAt &&
      opposes(post.lastOrder, order);
    if (overruled && post.lastOrder) {
      throw new PowerError("superseded", `${post.lastOrder.verb} by ${post.lastOrder.actor.name} took its place`);
    }
    if (failure && FINAL.has(failure.code)) throw failure;
    if (!order) return undefined;
    const goal = order.verb === "off" ? "off" : "on";
    if (failure && !failure.mayHaveActed) return undefined;
    const { machine } = post;
    if (failure && failure.code !== "unproven" && repeatable(machine, order)) return undefined;
    const look = async (): Promise<OrderRecord> => {
      const reading = await machine.query().catch((error: unknown) => {
        throw failure ?? error;
      });
      if (reading.state === goal) return order;
      if (failure) throw failure;
      const again = this.#accept(post, request);
      return again.done;
    };
    return this.#ticket(post, request, order, look());
  }

  #accept(post: Post, request: OrderRequest): Ticket {
    const standing = post.standing;
    if (standing && joins(request, standing.record)) return { order: standing.record, done: standing.done };
    const record: OrderRecord = {
      id: this.#newId(),
      machine: request.machine,
      verb: request.verb,
      ...(request.how && { how: request.how }),
      actor: request.actor,
      ...(request.reason !== undefined && { reason: request.reason }),
      forced: request.force ?? false,
      acceptedAt: this.#clock.now(),
      state: "waiting",
      steps: [],
      repeats: 0,
      joined: [],
    };
    try {
      this.#journal.accept(record);
    } catch (error) {
      record.unjournalled = true;
      this.#journalFailed(error);
    }
    this.#signals.tell({ kind: "order:accepted", at: record.acceptedAt, order: record });
    const abort = new AbortController();
    const done = this.#obey(post, record, abort.signal);
    done.catch(() => undefined);
    post.standing = { record, done, abort };
    if (isAutomation(request.actor)) this.#remember(post, request, { order: record, failure: undefined });
    return this.#ticket(post, request, record, done);
  }

  async #obey(post: Post, record: OrderRecord, signal: AbortSignal): Promise<OrderRecord> {
    // What the caller does after `order()` returned comes first; nothing is commanded before the ticket is out.
    await Promise.resolve();
    record.state = "running";
    const run = new Run(post.machine, {
      clock: this.#clock,
      signal,
      order: record,
      stepped: () => this.#signals.tell({ kind: "order:updated", at: this.#clock.now(), order: record }),
    });
    let failure: PowerError | undefined;
    try {
      const { grade, proof } = await obey(run, record);
      record.state = "done";
      record.grade = grade;
      record.proof = proof;
    } catch (thrown) {
      failure = PowerError.from(signal.aborted ? signal.reason : thrown);
      record.state = !signal.aborted ? "failed" : this.#stopping ? "cut_short" : "superseded";
      const { code, message, hint, mayHaveActed } = failure;
      record.error = { code, message, hint, mayHaveActed };
    }
    record.endedAt = this.#clock.now();
    post.standing = undefined;
    post.lastOrder = record;
    this.#update(record, "order:ended");
    if (failure) throw failure;
    return record;
  }

  /** Keeps the click open while its request is answered, and its failure for the repeats. */
  #ticket(post: Post, request: OrderRequest, order: OrderRecord, done: Promise<OrderRecord>): Ticket {
    const click = isAutomation(request.actor)
      ? post.clicks.find(request.actor, request.verb, this.#clock.now())
      : undefined;
    if (click) {
      click.open += 1;
      const close = (failure: PowerError | undefined) => {
        click.open -= 1;
        click.lastAt = this.#clock.now();
        click.failure = failure;
      };
      done.then(
        () => close(undefined),
        (error: unknown) => close(PowerError.from(error)),
      );
    }
    return { order, done };
  }

  #remember(post: Post, request: OrderRequest, click: Pick<Click, "order" | "failure">): void {
    post.clicks.begin(request.actor, request.verb, { ...click, open: 0, lastAt: this.#clock.now() });
  }

  #update(record: OrderRecord, kind: "order:updated" | "order:ended"): void {
    try {
      this.#journal.update(record);
    } catch (error) {
      this.#journalFailed(error);
    }
    this.#signals.tell({ kind, at: this.#clock.now(), order: record });
  }

  #tell(event: PowerEvent): void {
    try {
      this.#journal.note(event);
    } catch (error) {
      if (event.kind !== "journal:failed") this.#journalFailed(error);
    }
    this.#signals.tell(event);
  }

  #journalFailed(error: unknown): void {
    const message = messageOf(error);
    this.#signals.tell({ kind: "journal:failed", at: this.#clock.now(), message });
  }

  /** Sorts by time; unique over restarts. */
  #newId(): string {
    this.#orders += 1;
    const random = Math.floor(Math.random() * 36 ** 3);
    return [
      Math.floor(this.#clock.now()).toString(36),
      this.#orders.toString(36),
      random.toString(36).padStart(3, "0"),
    ].join("-");
  }
}

/** The same verb joins what stands; `on` also joins a cycle or reset. */
function joins(request: OrderRequest, standing: OrderRecord): boolean {
  return request.verb === standing.verb || (request.verb === "on" && standing.verb !== "off");
}

function opposes(newer: OrderRecord, older: OrderRecord): boolean {
  return newer.actor.id !== older.actor.id && (newer.verb === "off") !== (older.verb === "off");
}

/** May every command that this order could send be sent again? */
function repeatable(machine: Machine, order: OrderRecord): boolean {
  const stages = [...machine.stages.on, ...machine.stages.off, ...machine.stages[order.verb]];
  return [...stages.map((stage) => stage.outlet), ...machine.supplies].every((outlet) => outlet.repeatable);
}

function notFound(kind: string, name: string, known: Iterable<string>): PowerError {
  const near = nearest(name, known);
  return new PowerError(
    "not_found",
    `there is no ${kind} "${name}"${near === undefined ? "" : `; did you mean "${near}"?`}`,
  );
}
