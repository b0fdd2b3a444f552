/** The controller over the model's fleet, what is done to it, and the reference that watches. */
import { PowerError } from "../../../src/power/errors.ts";
import type { PowerSignal } from "../../../src/power/events.ts";
import type { OrderRecord, OrderRequest } from "../../../src/power/order.ts";
import type { Reading } from "../../../src/power/reading.ts";
import type { SimulatedCommand, SimulatedMachine } from "../../../src/wire/simulated-machine.ts";
import { ANNA, Lab } from "../lab.ts";
import { goal } from "./clicks.ts";
import { describe, Invariants, type Taken } from "./invariants.ts";
import { fleet, HUBS, KEYS, outletsOf, type Plan, type Shape } from "./plan.ts";
import { DECEITS, Site, type SiteFault } from "./site.ts";

/** Longest that an order of the witness, or a query of it, may take (ms): nobody else is on its hub. */
const WITNESS_MS = { order: 45_000, query: 1_000 };
/** Within this time every order has ended, and after it nothing changes any more (ms). */
const END_MS = 1_500_000;
const QUIET_MS = 200_000;
/** What somebody did at a device, or what a lie made the controller believe, may come to light as late as this (ms). */
const AFTER_EFFECT_MS = 60_000;

export class World implements Disposable {
  readonly lab: Lab;
  readonly site: Site;
  readonly plans: ReadonlyMap<string, Plan>;
  readonly rules: Invariants;
  /** What was done, for whoever must find out why a rule broke. */
  readonly story: string[] = [];
  readonly #start: number;
  readonly #touchedAt = new Map<string, number>();
  readonly #deceived = new Map<string, { from: number; to: number }[]>();
  #changes = 0;

  constructor(shape: Shape) {
    this.lab = new Lab({ slow: true, hear: (signal) => this.#heard(signal) });
    this.#start = this.lab.clock.now();
    this.site = new Site(this.lab, HUBS, {
      entered: (hub, open, since) => this.rules.entered(hub, open, since),
      commanded: (contact) => {
        this.tell(`    ${contact.command} reaches ${contact.key}`);
        this.rules.commanded(contact);
      },
      unnoticed: (key) => this.#touched(key),
    });
    this.plans = new Map(fleet(this.lab, this.site, shape).map((plan) => [plan.name, plan]));
    this.rules = new Invariants({
      now: () => this.now,
      site: this.site,
      plans: this.plans,
      pinOf: (hub) => this.lab.notebook.pin(hub)?.id,
      identityOf: (hub) => this.lab.hub(hub).identity,
      openedAt: (key) => this.device(key).openedAt,
      locked: (machine) => this.lab.power.machine(machine).lock !== undefined,
      kept: (order) => this.lab.notebook.orders.get(order),
    });
    // Built and started.
    void this.lab.power;
  }

  get now(): number {
    return this.lab.clock.now();
  }

  tell(text: string): void {
    this.story.push(`${((this.now - this.#start) / 1_000).toFixed(3).padStart(10)}  ${text}`);
  }

  device(key: string): SimulatedMachine {
    const [hub = "", outlet = ""] = key.split("/");
    return this.lab.deviceAt(hub, outlet);
  }

  /** Throws where a rule broke. */
  check(): void {
    const { broken } = this.rules;
    if (broken.length > 0) throw new Error(broken.join("\n"));
  }

  // What people, MAAS and the world do.

  order(request: OrderRequest): void {
    const { power } = this.lab;
    const { machine, verb, actor } = request;
    const standing = power.machine(machine).order;
    const before = this.rules.orders.length;
    const click = this.rules.clicks.at(request, this.now);
    const askedAt = this.now;
    const answered = () => {
      if (!click) return;
      click.open -= 1;
      click.lastAt = this.now;
    };
    let outcome: Taken["outcome"];
    try {
      const { order, done } = power.order(request);
      outcome = this.rules.orders.length > before ? "accepted" : order === standing ? "joined" : "answered";
      if (click) click.open += 1;
      const { life } = this.site;
      done.then(
        () => {
          if (life !== this.site.life) return;
          answered();
          this.rules.answered(request, askedAt);
          if (machine === "witness") this.#witnessed("order", askedAt);
        },
        () => {
          if (life === this.site.life) answered();
        },
      );
      if (outcome === "joined" && click) Object.assign(click, { order, overruledBy: undefined });
    } catch (thrown) {
      outcome = PowerError.from(thrown);
    }
    this.tell(
      `${actor.name} ${verb} ${machine} ${request.how ?? ""}: ${outcome instanceof PowerError ? outcome.code : outcome}`,
    );
    this.rules.taken({ request, standing, outcome, click });
  }

  query(machine: string): void {
    const askedAt = this.now;
    const { life } = this.site;
    const answer = (reading: Reading | undefined) => {
      if (life !== this.site.life) return;
      this.rules.queried(machine, askedAt, reading);
      if (machine === "witness") this.#witnessed("query", askedAt);
    };
    this.tell(`query ${machine}`);
    this.lab.power.query(machine).then(answer, () => answer(undefined));
  }

  /** Somebody does something at the device itself. */
  byHand(key: string, action: SimulatedCommand | "halt"): void {
    this.tell(`by hand: ${action} ${key}`);
    this.#touched(key);
    const device = this.device(key);
    this.site.settle();
    if (action === "halt") device.halt();
    else if (!this.site.deaf(key)) device.byHand(action);
    this.site.settle();
  }

  fault(key: string, fault: SiteFault | undefined): void {
    this.tell(`${key} is ${fault ?? "healthy"}`);
    const spans = this.#deceived.get(key) ?? [];
    const last = spans.at(-1);
    if (last && last.to === Infinity) last.to = this.now;
    if (fault && DECEITS.has(fault)) spans.push({ from: this.now, to: Infinity });
    this.#deceived.set(key, spans);
    this.site.setFault(key, fault);
  }

  reach(hub: string, reachable: boolean): void {
    this.tell(`hub ${hub} is ${reachable ? "up" : "down"}`);
    this.lab.hub(hub).reachable = reachable;
  }

  swap(hub: string, identity: string): void {
    this.tell(`at ${hub} stands ${identity}`);
    this.site.swap(hub, identity);
  }

  /** The daemon dies and starts again. */
  crash(): void {
    this.tell("kill -9");
    this.lab.crash();
    this.site.forget();
    this.rules.clicks.forget();
    void this.lab.power;
    this.rules.restarted(this.lab.notebook.lastOrders());
  }

  /** A change of the configuration that changes nothing of what the machine does. */
  reconfigure(machine: string): void {
    this.tell(`reconfigure ${machine}`);
    this.#changes += 1;
    const description = `change ${this.#changes}`;
    const machines = this.lab.machines.map((spec) => (spec.facts.name === machine ? { ...spec, description } : spec));
    this.lab.power.reconfigure({ machines, limits: [] });
  }

  async wait(ms: number): Promise<void> {
    await this.lab.wait(ms);
  }

  /** Faults end; every order ends; then everybody gets what was asked for last. */
  async finish(wishes: ReadonlyMap<string, "on" | "off">): Promise<void> {
    this.tell("faults end");
    const { power } = this.lab;
    for (const key of KEYS) this.fault(key, undefined);
    for (const hub of Object.keys(HUBS)) {
      this.reach(hub, true);
      if (this.lab.hub(hub).identity !== "simulated-1") this.swap(hub, "simulated-1");
    }
    for (const name of this.plans.keys()) power.unlock(name, ANNA);
    const until = this.now + END_MS;
    while (power.orders().length > 0 && this.now < until) await this.wait(5_000);
    this.rules.allEnded();
    await this.wait(QUIET_MS);
    for (const plan of this.plans.values()) this.#decided(plan);
    this.check();

    for (const hub of Object.keys(HUBS)) {
      const pin = this.lab.notebook.pin(hub)?.id;
      if (pin !== undefined && pin !== "simulated-1") await this.lab.run(power.trust(hub, ANNA));
    }
    this.tell("last wishes");
    const given = [...wishes].map(([machine, verb]) => {
      this.order({ machine, verb, actor: ANNA });
      const order = this.rules.orders.at(-1)?.order;
      return { plan: this.plans.get(machine), verb, order };
    });
    const end = this.now + END_MS;
    while (power.orders().length > 0 && this.now < end) await this.wait(5_000);
    await this.wait(QUIET_MS);
    for (const { plan, verb, order } of given) {
      if (order?.state !== "done")
        this.rules.broken.push(
          `${order && describe(order)} is ${order?.state} though all is well: ${order?.error?.message}`,
        );
      else if (plan?.running() !== (verb === "on"))
        this.rules.broken.push(`${describe(order)} was done, and is not so`);
    }
    await this.lab.run(power.stop(0));
    this.rules.allEnded();
    this.check();
  }

  /** The last accepted order decides the state, where nobody touched the device since and it never lied. */
  #decided(plan: Plan): void {
    const last = this.rules.orders.filter(({ order }) => order.machine === plan.name).at(-1)?.order;
    if (last?.state !== "done" || (this.#touchedAt.get(plan.name) ?? 0) + AFTER_EFFECT_MS > last.acceptedAt) return;
    const lied = outletsOf(plan).some((key) =>
      (this.#deceived.get(key) ?? []).some(
        ({ from, to }) => from <= (last.endedAt ?? 0) && to >= last.acceptedAt - AFTER_EFFECT_MS,
      ),
    );
    if (!lied && plan.running() !== (goal(last.verb) === "on"))
      this.rules.broken.push(`${describe(last)} was done last, and the machine is not so`);
  }

  #touched(key: string): void {
    for (const plan of this.plans.values()) if (outletsOf(plan).includes(key)) this.#touchedAt.set(plan.name, this.now);
  }

  #witnessed(what: "order" | "query", askedAt: number): void {
    const took = this.now - askedAt;
    if (took > WITNESS_MS[what]) this.rules.broken.push(`the ${what} of the witness took ${took} ms`);
  }

  #heard(signal: PowerSignal): void {
    if (signal.kind === "order:accepted") {
      this.tell(`  accepted ${describe(signal.order)}${signal.order.completes ? ", completing" : ""}`);
      this.rules.accepted(signal.order);
    } else if (signal.kind === "order:ended") {
      this.tell(`  ${ended(signal.order)}`);
      this.rules.ended(signal.order);
    }
  }

  [Symbol.dispose](): void {
    this.lab.crash();
    this.site.forget();
  }
}

function ended(order: OrderRecord): string {
  const steps = order.steps.map(({ text, error }) => `${text}${error ? `: ${error.code}` : ""}`).join("; ");
  return `${order.state} ${describe(order)} ${order.grade ?? order.error?.code ?? ""} [${steps}]`;
}
