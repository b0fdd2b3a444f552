/**
 * All hubs, and the machines on each. A hub is there as long as a machine uses it. One that stopped answering is tried
 * again by itself, and when it answers its machines are read at once.
 */
import type { Addresses } from "./address.ts";
import type { Clock } from "./clock.ts";
import { messageOf, PowerError } from "./errors.ts";
import type { PowerEvent } from "./events.ts";
import { Hub, type HubServices, type Traffic } from "./hub.ts";
import type { Memory, Pin } from "./journal.ts";
import type { Machine } from "./machine.ts";
import type { Actor } from "./order.ts";
import type { Outlet } from "./outlet.ts";
import { sameData } from "./same-data.ts";
import type { HubSpec } from "./spec.ts";

export interface HubsServices {
  readonly clock: Clock;
  readonly memory: Memory;
  readonly addresses?: Addresses | undefined;
  readonly tell: (event: PowerEvent) => void;
}

const AT_ONCE = Promise.resolve();

interface Entry {
  readonly hub: Hub;
  readonly machines: Map<string, Machine>;
  /** Machines whose orders still use the hub in whose place this one came; they may use this one then. */
  readonly expected: Set<string>;
  /** What it was as it began to listen to the device. */
  watched?: { readonly spec: HubSpec; readonly machines: readonly Machine[] };
}

export class Hubs {
  readonly #services: HubsServices;
  readonly #hubServices: HubServices;
  readonly #entries = new Map<string, Entry>();
  readonly #traffic: Traffic = { open: 0, asked: 0 };
  readonly #over = new AbortController();
  /** Hubs that nobody uses any more, until they are closed. */
  readonly #closing = new Set<Promise<void>>();

  constructor(services: HubsServices) {
    this.#services = services;
    const { clock, memory, addresses } = services;
    this.#hubServices = {
      clock,
      addresses,
      traffic: this.#traffic,
      pins: { pin: (key) => memory.pin(key), setPin: (key, pin) => this.#keepPin(key, pin) },
      turned: (hub) => this.#turned(hub),
    };
  }

  /** Exchanges under way now. */
  get open(): number {
    return this.#traffic.open;
  }

  get all(): readonly Entry[] {
    return [...this.#entries.values()];
  }

  /** The hub with that key; made when first asked for. */
  get(spec: HubSpec): Hub {
    let entry = this.#entries.get(spec.key);
    if (!entry) {
      entry = { hub: new Hub(spec, this.#hubServices, AT_ONCE), machines: new Map(), expected: new Set() };
      this.#entries.set(spec.key, entry);
    }
    return entry.hub;
  }

  /** The hub with that key, where some machine uses it. */
  known(spec: HubSpec): Hub | undefined {
    return this.#entries.get(spec.key)?.hub;
  }

  /** By the name people know it by. */
  named(name: string): Hub | undefined {
    return this.all.find(({ hub }) => hub.spec.name === name)?.hub;
  }

  /** From now on the machine uses its hubs. */
  join(machine: Machine): void {
    for (const hub of machine.hubs) this.#entries.get(hub.spec.key)?.machines.set(machine.name, machine);
  }

  /** The machine uses them no more; those that nobody uses are closed. */
  leave(machine: Machine): void {
    for (const hub of machine.hubs) {
      const entry = this.#entries.get(hub.spec.key);
      if (!entry) continue;
      entry.expected.delete(machine.name);
      if (entry.machines.get(machine.name) === machine) entry.machines.delete(machine.name);
      if (entry.machines.size + entry.expected.size > 0) continue;
      this.#entries.delete(hub.spec.key);
      void this.#close(entry.hub);
    }
  }

  /**
   * Takes over changed settings. A hub whose driver is another one is replaced: the new one opens when the old one is
   * closed. Answers the machines whose orders must not go on with the old one.
   */
  reconfigure(specs: Iterable<HubSpec>): ReadonlySet<string> {
    const stranded = new Set<string>();
    for (const spec of specs) {
      const entry = this.#entries.get(spec.key);
      if (!entry || sameData(entry.hub.spec, spec)) continue;
      if (entry.hub.spec.driver === spec.driver) {
        entry.hub.reconfigure(spec);
        // It may fail no more.
        if (entry.hub.failing) this.#read(entry.hub);
      } else {
        const expected = new Set([...entry.machines.keys(), ...entry.expected]);
        for (const name of expected) stranded.add(name);
        const hub = new Hub(spec, this.#hubServices, this.#close(entry.hub));
        this.#entries.set(spec.key, { hub, machines: new Map(), expected });
      }
    }
    return stranded;
  }

  /** Listens to what devices tell unasked, where their drivers can; those that did not change are not disturbed. */
  watch(): void {
    for (const entry of this.#entries.values()) {
      const { hub, machines, watched } = entry;
      const now = [...machines.values()];
      const before = new Set(watched?.machines);
      const same = before.size === now.length && now.every((machine) => before.has(machine));
      if (same && watched?.spec === hub.spec) continue;
      entry.watched = { spec: hub.spec, machines: now };
      const outlets = now.flatMap((machine) =>
        machine.sources
          .filter((outlet) => outlet.hub === hub)
          .map((outlet) => ({
            settings: outlet.spec.settings,
            heard: () => machine.heard(),
            lost: (error: PowerError) => machine.lost(error),
          })),
      );
      hub.watch(outlets);
    }
  }

  async trust(name: string, { name: by, id: actor }: Actor): Promise<void> {
    const hub = this.named(name);
    if (!hub) return;
    if (!hub.spec.driver.identify)
      throw new PowerError(
        "unsupported",
        `${hub.spec.driver.name} cannot tell which device answers, so none is pinned`,
      );
    await hub.trust();
    const machines = this.#machinesOn(hub);
    this.#services.tell({ kind: "hub:pinned", at: this.#services.clock.now(), hub: name, machines, id: "", by, actor });
    this.#read(hub);
  }

  /** Every outlet of the hub that a machine uses. */
  outletsOn(hub: Hub): readonly { readonly machine: string; readonly outlet: Outlet }[] {
    return [...(this.#entries.get(hub.spec.key)?.machines.values() ?? [])].flatMap((machine) =>
      machine.outlets.filter((outlet) => outlet.hub === hub).map((outlet) => ({ machine: machine.name, outlet })),
    );
  }

  pinOf(hub: Hub): Pin | undefined {
    return this.#services.memory.pin(hub.spec.key);
  }

  #keepPin(key: string, pin: Pin | undefined): void {
    const { clock, memory, tell } = this.#services;
    const at = clock.now();
    try {
      memory.setPin(key, pin);
    } catch (error) {
      tell({ kind: "journal:failed", at, message: messageOf(error) });
    }
    const hub = this.#entries.get(key)?.hub;
    if (pin && hub) tell({ kind: "hub:pinned", at, hub: hub.spec.name, machines: this.#machinesOn(hub), id: pin.id });
  }

  #machinesOn(hub: Hub): string[] {
    return [...(this.#entries.get(hub.spec.key)?.machines.keys() ?? [])];
  }

  #turned(hub: Hub): void {
    const { clock, tell } = this.#services;
    const machines = this.#machinesOn(hub);
    const { failing } = hub;
    const at = clock.now();
    if (!failing) {
      tell({ kind: "hub:answering", at, hub: hub.spec.name, machines });
      this.#read(hub);
      return;
    }
    const { code, message } = failing.error;
    tell({ kind: "hub:failing", at, hub: hub.spec.name, machines, error: { code, message } });
    void this.#tryAgain(hub);
  }

  /** Asks it for the state of one of its outlets whenever a query may, until it answers. */
  async #tryAgain(hub: Hub): Promise<void> {
    const { clock } = this.#services;
    while (hub.failing && this.#entries.get(hub.spec.key)?.hub === hub) {
      try {
        await clock.sleep(Math.max(1, hub.retryAt - clock.now()), this.#over.signal);
      } catch {
        return;
      }
      // Not by a query of the machine: that may find its answer elsewhere.
      const [read] = this.#readers(hub);
      if (!read) return;
      await read().catch(() => undefined);
    }
  }

  /** Ways to read the outlets of a hub, one each. */
  #readers(hub: Hub): readonly (() => Promise<unknown>)[] {
    return [...(this.#entries.get(hub.spec.key)?.machines.values() ?? [])].flatMap((machine) =>
      machine.sources
        .filter((outlet) => outlet.hub === hub && outlet.can.has("query"))
        .map((outlet) => () => outlet.read(machine.asking("query"))),
    );
  }

  #read(hub: Hub): void {
    for (const machine of this.#entries.get(hub.spec.key)?.machines.values() ?? []) machine.heard();
  }

  #close(hub: Hub): Promise<void> {
    const closing = hub[Symbol.asyncDispose]();
    this.#closing.add(closing);
    const done = () => this.#closing.delete(closing);
    closing.then(done, done);
    return closing;
  }

  /** Resolves when all are closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    for (const { hub } of this.#entries.values()) void this.#close(hub);
    await Promise.all(this.#closing);
  }
}
