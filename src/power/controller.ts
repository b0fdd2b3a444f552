/**
 * The one place that decides what is commanded. Drivers act and read; fronts (MAAS's webhooks, the API, the command
 * line) ask; the controller takes orders, obeys them one per machine, and says only what a reading proves.
 *
 * It is *built* from the configuration: nothing is asked of any device yet. *Started*: pushed states are listened to, and
 * a cycle that a restart cut short after its off is completed. While it *runs* each machine has a post (`post.ts`) that
 * takes its orders and sees them to their end, one at a time, by a run (`run.ts`, `verbs.ts`) that commands and proves;
 * queries never wait for orders. *Reconfigured*: machines that did not change notice nothing; one that changed is replaced
 * when no order is under way on it; one that is gone takes no more orders, and the one under way finishes. *Stopping*: no
 * new orders; those under way may finish until the grace is over, then end at their next safe point.
 */

import type { Addresses } from "./address.ts";
import type { Difference, HubView, MachineTrap, MachineView, Power, Ticket } from "./api.ts";
import type { Clock } from "./clock.ts";
import type { ListedOutlet } from "./driver.ts";
import { messageOf, PowerError } from "./errors.ts";
import { type Listener, Listeners, type PowerEvent, type PowerSignal } from "./events.ts";
import { Hubs } from "./hubs.ts";
import type { Journal, Memory } from "./journal.ts";
import { Machine, type MachineServices } from "./machine.ts";
import { nearest } from "./names.ts";
import type { Actor, Behind, OrderRecord, OrderRequest } from "./order.ts";
import { Post, type PostServices } from "./post.ts";
import type { Reading } from "./reading.ts";
import { Remembered } from "./remembered.ts";
import { sameData } from "./same-data.ts";
import { allOutlets, type LimitSpec, type MachineSpec } from "./spec.ts";
import { Starts } from "./starts.ts";
import { tryOut } from "./trial.ts";

/** A cycle that a restart cut short is completed when it was accepted within this time (ms). */
const COMPLETE_WITHIN_MS = 10 * 60_000;

/** What the configuration says. */
export interface Fleet {
  readonly machines: readonly MachineSpec[];
  readonly limits: readonly LimitSpec[];
}

export interface ControllerOptions extends Fleet {
  readonly clock: Clock;
  readonly journal: Journal;
  readonly memory: Memory;
  /** Finds machines whose address is not written down. Absent: none are found. */
  readonly addresses?: Addresses | undefined;
  /** The last order of each machine, from an earlier life of the daemon. */
  readonly lastOrders?: ReadonlyMap<string, OrderRecord>;
}

export class PowerController implements Power {
  readonly #options: ControllerOptions;
  readonly #clock: Clock;
  readonly #signals = new Listeners<PowerSignal>();
  readonly #changes = new Listeners<string>();
  readonly #hubs: Hubs;
  readonly #starts: Starts;
  readonly #machineServices: MachineServices;
  readonly #postServices: PostServices;
  readonly #posts = new Map<string, Post>();
  /** By the machine's name; of those that are gone as well, for they may come back. */
  readonly #remembered = new Map<string, Remembered>();
  /** Posts of machines that are gone, until their order has ended. */
  readonly #leaving = new Set<Post>();
  /** What posts are to be changed to once no order is under way. */
  readonly #pending = new Map<Post, MachineSpec>();
  /** Of machines as they join: of an earlier life, or from before they were gone. */
  readonly #lastOrders: Map<string, OrderRecord>;
  #fleet: Fleet;
  #stopping = false;
  #orders = 0;
  /** Waits for the disk that are under way. */
  #syncs = 0;

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.#fleet = options;
    this.#lastOrders = new Map(options.lastOrders);
    this.#clock = options.clock;
    const { clock, memory, addresses } = options;
    this.#hubs = new Hubs({ clock, memory, addresses, tell: (event) => this.#tell(event) });
    this.#starts = new Starts(options.clock);
    this.#starts.limits = options.limits;
    const { journal } = options;
    const tell = (event: PowerEvent) => this.#tell(event);
    this.#machineServices = {
      clock,
      tell,
      remembered: (name) => this.#rememberedOf(name),
      changed: (name) => this.#changes.tell(name),
      hub: (outlet) => this.#hubs.get(outlet.hub),
      orderOf: (name) => (this.#posts.get(name) ?? this.#leavingPost(name))?.order?.id,
    };
    this.#postServices = {
      clock,
      journal,
      tell,
      starts: this.#starts,
      newId: () => this.#newId(),
      synced: () => this.#synced(),
      signal: (signal) => this.#signals.tell(signal),
      between: (post) => {
        if (this.#settle(post)) this.#hubs.watch();
      },
    };
    for (const spec of options.machines) this.#add(spec);
  }

  /** Begins to listen, and completes what a restart cut short. */
  start(): void {
    this.#hubs.watch();
    const since = this.#clock.now() - COMPLETE_WITHIN_MS;
    for (const post of this.#posts.values()) {
      const last = post.lastOrder;
      if (last?.state !== "cut_short" || last.turning !== true || last.acceptedAt < since) continue;
      if (post.machine.spec.enabled && !post.machine.lock) post.complete(last);
    }
  }

  get names(): readonly string[] {
    return [...this.#posts.keys()];
  }

  /** Is anything under way that takes real time whatever the clock says: an exchange with a device, a write to the disk? */
  get busy(): boolean {
    return this.#hubs.open > 0 || this.#syncs > 0;
  }

  has(machine: string): boolean {
    return this.#posts.has(machine);
  }

  machine(name: string): MachineView {
    const { machine, order, lastOrder } = this.#post(name);
    const { spec, reading, error, verbs, lock } = machine;
    return { spec, reading, error, order, lastOrder, verbs, lock };
  }

  hubs(): readonly HubView[] {
    return this.#hubs.all.map(({ hub, machines }) => ({
      spec: hub.spec,
      machines: [...machines.keys()],
      connected: hub.connected,
      queued: hub.queued,
      running: hub.running,
      failing: hub.failing,
      lastExchange: hub.lastExchange,
      breaker: hub.breaker,
      exchanges: hub.exchanges,
      pin: this.#hubs.pinOf(hub),
    }));
  }

  async list(name: string, signal: AbortSignal): Promise<readonly ListedOutlet[]> {
    const hub = this.#hubs.named(name);
    if (!hub) throw this.#noHub(name);
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

  async examine(name: string, signal: AbortSignal): Promise<readonly MachineTrap[] | undefined> {
    const hub = this.#hubs.named(name);
    if (!hub) throw this.#noHub(name);
    const { examine } = hub.spec.driver;
    if (!examine) return undefined;
    const used = this.#hubs.outletsOn(hub);
    const settings = used.map(({ outlet }) => outlet.spec.settings);
    const { value } = await hub.exchange({
      priority: "query",
      kind: "read",
      signal,
      run: (connection, signal) => examine(connection, settings, { signal }),
    });
    return used.flatMap(({ machine, outlet }, index) =>
      (value[index] ?? []).map((trap) => ({ ...trap, machine, outlet: outlet.label })),
    );
  }

  async trust(name: string, actor: Actor): Promise<void> {
    if (!this.#hubs.named(name)) throw this.#noHub(name);
    await this.#hubs.trust(name, actor);
  }

  async query(name: string): Promise<Reading> {
    return this.#post(name).machine.query();
  }

  freshReading(name: string): Reading | undefined {
    return this.#posts.get(name)?.machine.freshReading();
  }

  order(request: OrderRequest): Ticket {
    return this.#post(request.machine).take(request);
  }

  orders(): readonly OrderRecord[] {
    return this.#allPosts().flatMap((post) => post.order ?? []);
  }

  cancel(id: string, actor: Actor): void {
    const post = this.#allPosts().find((known) => known.order?.id === id);
    if (!post) {
      const hint = "`maasochist orders` lists those that are.";
      throw new PowerError("not_found", `no order ${id} is under way`, { hint });
    }
    const hint = "What it had done by then stays done.";
    post.end(new PowerError("superseded", `cancelled by ${actor.name}`, { hint }));
  }

  attribute({ machine, id }: Pick<OrderRecord, "machine" | "id">, behind: Behind): void {
    this.#posts.get(machine)?.attribute(id, behind);
  }

  lock(name: string, { reason, actor }: { readonly reason: string; readonly actor: Actor }): void {
    this.#post(name).setLock({ by: actor.name, reason, at: this.#clock.now() }, actor);
  }

  unlock(name: string, actor: Actor): void {
    this.#post(name).setLock(undefined, actor);
  }

  tryOut(spec: MachineSpec): Promise<Reading> {
    const { memory } = this.#options;
    return tryOut(spec, { clock: this.#clock, memory, known: (hub) => this.#hubs.known(hub) });
  }

  kept(): Promise<void> {
    return this.#options.journal.kept();
  }

  listen(listener: Listener): () => void {
    return this.#signals.listen(listener);
  }

  watch(listener: (machine: string) => void): () => void {
    return this.#changes.listen(listener);
  }

  difference(next: Fleet): Difference {
    const specs = new Map(next.machines.map((spec) => [spec.facts.name, spec]));
    const current = new Map(this.#fleet.machines.map((spec) => [spec.facts.name, spec]));
    return {
      added: [...specs.keys()].filter((name) => !current.has(name)),
      changed: [...specs].flatMap(([name, spec]) => {
        const before = current.get(name);
        return before && !sameData(before, spec) ? [name] : [];
      }),
      removed: [...current.keys()].filter((name) => !specs.has(name)),
    };
  }

  reconfigure(next: Fleet): Difference {
    const difference = this.difference(next);
    const specs = new Map(next.machines.map((spec) => [spec.facts.name, spec]));
    this.#fleet = next;
    this.#starts.limits = next.limits;
    const hubs = next.machines.flatMap((spec) => allOutlets(spec).map((outlet) => outlet.hub));
    const stranded = this.#hubs.reconfigure(new Map(hubs.map((hub) => [hub.key, hub])).values());
    for (const name of difference.removed) this.#remove(name);
    for (const name of difference.changed) {
      const post = this.#post(name);
      const spec = specs.get(name);
      if (spec) this.#pending.set(post, spec);
      if (stranded.has(name)) post.end(new PowerError("superseded", "the configuration gave its hub another driver"));
      this.#settle(post);
    }
    // In the order written.
    const before = new Map(this.#posts);
    this.#posts.clear();
    for (const [name, spec] of specs) {
      const post = before.get(name) ?? this.#takeBack(name, spec);
      if (post) this.#posts.set(name, post);
      else this.#add(spec);
    }
    this.#hubs.watch();
    this.#tell({ kind: "config:reloaded", at: this.#clock.now(), ...difference });
    return difference;
  }

  /**
   * Takes no more orders, and ends those under way at their next safe point when `graceMs` are over.
   * Resolves when all have ended and every hub is closed.
   */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    const posts = this.#allPosts();
    for (const post of posts) post.stop();
    const over = new AbortController();
    const grace = this.#clock.sleep(graceMs, over.signal).then(
      () => {
        for (const post of posts) post.end(new PowerError("busy", "the daemon stopped before it was done"));
      },
      () => undefined,
    );
    await Promise.all(posts.map((post) => post.idle()));
    over.abort();
    await grace;
    await this.#hubs[Symbol.asyncDispose]();
  }

  #add(spec: MachineSpec): void {
    const { name } = spec.facts;
    const post = new Post(this.#machine(spec), this.#postServices, this.#lastOrders.get(name));
    if (this.#stopping) post.stop();
    this.#posts.set(name, post);
  }

  #machine(spec: MachineSpec): Machine {
    const machine = new Machine(spec, this.#machineServices);
    this.#hubs.join(machine);
    return machine;
  }

  #rememberedOf(name: string): Remembered {
    const { clock, memory } = this.#options;
    const known =
      this.#remembered.get(name) ?? new Remembered(name, { clock, memory, tell: (event) => this.#tell(event) });
    this.#remembered.set(name, known);
    return known;
  }

  /** Changes what is to be changed at a post, where no order is under way. Does another machine use its hubs now, or none? */
  #settle(post: Post): boolean {
    if (post.running) return false;
    const leaves = !post.order && this.#leaving.delete(post);
    if (leaves) this.#left(post);
    const spec = this.#pending.get(post);
    if (!spec) return leaves;
    this.#pending.delete(post);
    const before = post.machine;
    post.machine = this.#machine(spec);
    this.#hubs.leave(before);
    this.#changes.tell(spec.facts.name);
    return true;
  }

  #left({ machine, lastOrder }: Post): void {
    this.#hubs.leave(machine);
    if (lastOrder) this.#lastOrders.set(machine.name, lastOrder);
  }

  #remove(name: string): void {
    const post = this.#post(name);
    this.#posts.delete(name);
    this.#pending.delete(post);
    this.#leaving.add(post);
    this.#settle(post);
  }

  /** A machine that was removed and comes back while its order is still under way. */
  #takeBack(name: string, spec: MachineSpec): Post | undefined {
    const post = this.#leavingPost(name);
    if (!post) return undefined;
    this.#leaving.delete(post);
    this.#pending.set(post, spec);
    this.#settle(post);
    return post;
  }

  /** Of a machine that was removed while its order is under way. */
  #leavingPost(name: string): Post | undefined {
    return [...this.#leaving].find((post) => post.machine.name === name);
  }

  #allPosts(): readonly Post[] {
    return [...this.#posts.values(), ...this.#leaving];
  }

  #post(name: string): Post {
    const post = this.#posts.get(name);
    if (!post) throw notFound("machine", name, this.#posts.keys());
    return post;
  }

  #noHub(name: string): PowerError {
    return notFound(
      "hub",
      name,
      this.#hubs.all.map(({ hub }) => hub.spec.name),
    );
  }

  /** Resolves when accepted orders and memories are on the disk, or cannot be, which is told. */
  async #synced(): Promise<void> {
    const { journal, memory } = this.#options;
    this.#syncs += 1;
    for (const result of await Promise.allSettled([journal.synced(), memory.synced()])) {
      if (result.status === "rejected")
        this.#signals.tell({ kind: "journal:failed", at: this.#clock.now(), message: messageOf(result.reason) });
    }
    this.#syncs -= 1;
  }

  #tell(event: PowerEvent): void {
    this.#options.journal.note(event);
    this.#signals.tell(event satisfies PowerSignal);
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

function notFound(kind: string, name: string, known: Iterable<string>): PowerError {
  const near = nearest(name, known);
  return new PowerError(
    "not_found",
    `there is no ${kind} "${name}"${near === undefined ? "" : `; did you mean "${near}"?`}`,
  );
}
