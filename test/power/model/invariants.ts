/**
 * What must hold whatever happens, judged by what reached the devices (`site.ts`) and by DESIGN's rules, never by how the
 * controller works. Every broken rule is one line in `broken`.
 */

import type { PowerError } from "../../../src/power/errors.ts";
import { isAutomation, type OrderRecord, type OrderRequest } from "../../../src/power/order.ts";
import type { Reading } from "../../../src/power/reading.ts";
import { type Click, goal, ReferenceClicks } from "./clicks.ts";
import { HUBS, type Judged, judge, outletsOf, type Plan, type Told } from "./plan.ts";
import type { Contact, Site } from "./site.ts";

/** One command and two retries. */
const TRIES = 3;
/** A press follows the reading that allows it at once: this covers the turns of others in the lane (ms). */
const PRESS_AFTER_MS = 1_500;
const FRESH_MS = 1_000;
const COMPLETE_MS = 10 * 60_000;

export interface Scene {
  readonly now: () => number;
  readonly site: Site;
  readonly plans: ReadonlyMap<string, Plan>;
  readonly pinOf: (hub: string) => string | undefined;
  readonly identityOf: (hub: string) => string;
  readonly openedAt: (key: string) => number | undefined;
  readonly locked: (machine: string) => boolean;
  /** As the journal has it. */
  readonly kept: (order: string) => OrderRecord | undefined;
}

export interface Taken {
  readonly request: OrderRequest;
  readonly standing: OrderRecord | undefined;
  readonly outcome: "joined" | "accepted" | "answered" | PowerError;
  readonly click: Click | undefined;
}

interface Tracked {
  readonly order: OrderRecord;
  readonly life: number;
  /** The actor's click that it was accepted in. */
  readonly click: Click | undefined;
  ends: number;
}

export class Invariants {
  readonly broken: string[] = [];
  readonly clicks = new ReferenceClicks();
  readonly orders: Tracked[] = [];
  readonly #scene: Scene;
  /** The cycle or reset that took the place of an `on`, and answers for it. */
  readonly #absorbedBy = new Map<OrderRecord, OrderRecord>();

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  #check(holds: boolean, rule: string): void {
    if (!holds) this.broken.push(rule);
  }

  // What the devices see.

  entered(hub: string, open: number, since: number): void {
    const { concurrency, interval } = HUBS[hub as keyof typeof HUBS];
    this.#check(open <= concurrency, `${open} exchanges at once on ${hub}, which bears ${concurrency}`);
    this.#check(since >= interval, `${hub} was asked again after ${since} ms, not ${interval}`);
  }

  commanded(contact: Contact): void {
    const { key, command } = contact;
    const plan = [...this.#scene.plans.values()].find((known) => outletsOf(known).includes(key));
    const tracked = plan && this.#runs(plan.name);
    if (!plan || !tracked) {
      this.#check(false, `${command} reached ${key} without an order`);
      return;
    }
    const { order } = tracked;
    const what = `${command} reached ${key} in ${describe(order)}`;
    const hub = hubOf(key);
    const pin = this.#scene.pinOf(hub);
    if (HUBS[hub].identity)
      this.#check(pin === this.#scene.identityOf(hub), `${what}, though another device answers there`);
    const supply = plan.supplies.includes(key);
    const to = command === "on" || command === "reset" ? "on" : "off";
    this.#allowed({ plan, order, contact, supply, to }, what);
    if (plan.momentary) this.#pressed(plan, contact, to, what);
    if (supply && to === "on") this.#rested(plan, key, what);
    this.#repeats(plan, order, contact, what);
  }

  /** May the order send this at all? */
  #allowed(
    sent: {
      readonly plan: Plan;
      readonly order: OrderRecord;
      readonly contact: Contact;
      readonly supply: boolean;
      readonly to: "on" | "off";
    },
    what: string,
  ): void {
    const { plan, order, contact, supply, to } = sent;
    const { verb, how } = order;
    this.#check(verb !== "off" || to === "off", `${what}: an off never switches on`);
    if (this.#isRetry(plan, order, contact)) return;
    const from = this.#lastCommandEnd(plan, order) ?? startOf(order);
    const seen = this.#seen(plan, from, contact.began);
    const hard = to === "off" && contact.command !== "soft-off";
    const bounce = supply && verb !== "off" && seen.has("off");
    this.#check(how !== "soft" || !hard || verb === "on" || bounce, `${what}: it was to be soft`);
    const plainOff = verb === "off" || (verb !== "on" && !supply);
    this.#check(
      !(supply && to === "off" && verb !== "on" && plan.cut === "never" && plainOff),
      `${what}: its supply must never be cut`,
    );
    if (verb !== "on" && verb !== "off") return;
    if (verb === "on" && to === "off")
      this.#check(supply && seen.has("off"), `${what}: current is taken from what is not measured to have halted`);
    else if (
      seen.size === 1 &&
      seen.has(verb) &&
      !this.#pending(plan, opposite(verb), contact.began) &&
      !this.#doubted(plan, opposite(verb), { from, to: contact.began }) &&
      !(verb === "off" && this.#restarting(plan, contact.began)) &&
      !this.#unsent(plan, contact.began) &&
      order.steps.some(({ what: kind, error, at }) => kind === "read" && !error && at >= from)
    ) {
      const opensToo = supply && to === "off" && plan.cut === "always";
      this.#check(opensToo, `${what}: it was measured ${verb} already`);
    }
  }

  #isRetry(plan: Plan, order: OrderRecord, contact: Contact): boolean {
    return this.#contactsOf(plan, startOf(order)).some(
      ({ key, command, ended }) => key === contact.key && command === contact.command && ended !== undefined,
    );
  }

  /** A button: only on a reading of the opposite, taken after the last press had settled, and while no press is on its way. */
  #pressed(plan: Plan, contact: Contact, to: "on" | "off", what: string): void {
    const { contacts, life } = this.#scene.site;
    const before = contacts.filter((other) => other.key === contact.key && other !== contact);
    const lastPress = before.filter((other) => other.command && other.acted).at(-1);
    const settledAt = lastPress?.life === life ? (lastPress.ended ?? lastPress.began) + plan.settle : 0;
    const read = before.filter((other) => other.told !== undefined && !other.pushed && other.life === life).at(-1);
    this.#check(
      read?.told === opposite(to) && read.began >= settledAt && contact.began - read.began <= PRESS_AFTER_MS,
      `${what}: the last reading was ${read?.told} ${contact.began - (read?.began ?? 0)} ms before, a press ended ${contact.began - (lastPress?.ended ?? 0)} ms before`,
    );
    this.#check(!this.#pending(plan, to, contact.began), `${what}: an earlier press to ${to} has not shown yet`);
  }

  #rested(plan: Plan, key: string, what: string): void {
    const openedAt = this.#scene.openedAt(key);
    if (openedAt === undefined || !plan.supplies.every((outlet) => this.#knownToOpen(outlet, openedAt))) return;
    const rested = this.#scene.now() - openedAt;
    this.#check(rested >= plan.minOff, `${what}: it rested ${rested} ms, not ${plan.minOff}`);
  }

  /**
   * Could anybody know that the outlet opened then: it was told to, as far as who told it knows, or was told of as closed
   * before and as open since?
   */
  #knownToOpen(key: string, at: number): boolean {
    const { contacts } = this.#scene.site;
    const reached = contacts.filter(
      (contact) => contact.key === key && contact.reached !== undefined && (contact.acted || !contact.command),
    );
    const before = reached.findLast((contact) => (contact.reached ?? 0) <= at);
    if (before?.command === "off") return true;
    const closed = before?.command === "on" || before?.told === "on" || typeof before?.told === "number";
    return closed && reached.some((contact) => contact.told === "off" && (contact.reached ?? 0) >= at);
  }

  #repeats(plan: Plan, order: OrderRecord, contact: Contact, what: string): void {
    const same = this.#contactsOf(plan, startOf(order)).filter(
      ({ key, command }) => key === contact.key && command === contact.command,
    );
    // A bounce closes once more; a command that an earlier opposite one undid is sent once more.
    const most = plan.momentary ? 1 : 2 * TRIES;
    this.#check(same.filter((other) => other.reached !== undefined).length <= most, `${what}: more than ${most} times`);
  }

  // What the controller says.

  /** Rule 1: who joins, who is refused, and who gets an order of his own. */
  taken({ request, standing, outcome, click }: Taken): void {
    const { verb, machine, actor, how } = request;
    const what = `${verb} ${machine} by ${actor.name} was ${outcome instanceof Error ? outcome.code : outcome}`;
    if (this.#scene.locked(machine)) {
      if (click) click.refused = true;
      this.#check(outcome instanceof Error && outcome.code === "locked", `${what}, but it is locked`);
      return;
    }
    const waitsForSoft = how === "hard" && standing?.how !== "hard";
    const joins = standing && (verb === "on" ? standing.verb !== "off" : standing.verb === verb && !waitsForSoft);
    if (joins) this.#check(outcome === "joined", `${what}, but ${describe(standing)} stands`);
    else if (!isAutomation(actor)) this.#check(outcome === "accepted", `${what}, but a person's order is always new`);
    else if (click?.overruledBy)
      this.#check(
        outcome instanceof Error && outcome.code === "superseded",
        `${what}, but ${describe(click.overruledBy)} overruled its click`,
      );
    else if (click?.order === undefined && click?.refused !== true)
      this.#check(outcome === "accepted", `${what}, but its click is new`);
  }

  /** After a restart: a cycle that was cut short after its off is completed. */
  restarted(lastOrders: ReadonlyMap<string, OrderRecord>): void {
    const now = this.#scene.now();
    for (const order of lastOrders.values()) {
      const plan = this.#plan(order.machine);
      if (order.state !== "cut_short" || now - order.acceptedAt >= COMPLETE_MS) continue;
      if (order.verb === "on" || order.verb === "off" || this.#scene.locked(order.machine)) continue;
      const cut = this.#contactsOf(plan, startOf(order)).some(
        ({ command, reached }) => reached !== undefined && (command === "off" || command === "soft-off"),
      );
      const completing = this.orders.some((tracked) => tracked.order.completes === order.id);
      this.#check(!cut || completing, `${describe(order)} was cut short after its off, and is not completed`);
    }
  }

  /** Every order that was accepted has ended; what a crash cut short is known as that. */
  allEnded(): void {
    const { life } = this.#scene.site;
    for (const { order, life: of, ends } of this.orders) {
      if (of === life) this.#check(ends === 1, `${describe(order)} never ended: ${order.state}`);
      else
        this.#check(
          ends <= 1 && this.#scene.kept(order.id)?.state !== "running",
          `${describe(order)} is kept as running`,
        );
    }
  }

  accepted(order: OrderRecord): void {
    const click = isAutomation(order.actor) && !order.completes ? this.clicks.of(order) : undefined;
    const { machine } = order;
    this.#check(!this.#scene.locked(machine), `${describe(order)} was accepted though it is locked`);
    if (click) {
      const by = click.overruledBy;
      if (by) this.#check(false, `${describe(order)} reverses ${describe(by)} within its click`);
      if (click.order) this.#afresh(order, click.order);
    }
    const standing = this.orders.findLast(
      (known) => known.life === this.#scene.site.life && known.order.machine === machine,
    )?.order;
    const stands = standing?.endedAt === undefined ? standing : undefined;
    const absorbed = stands?.verb === "on" && order.verb !== "off";
    if (absorbed) this.#absorbedBy.set(stands, order);
    this.clicks.accepted(order, absorbed ? undefined : stands);
    this.orders.push({ order, life: this.#scene.site.life, click, ends: 0 });
  }

  /** A click is obeyed again only when its last order cannot have acted, or was done and the machine left the goal. */
  #afresh(order: OrderRecord, given: OrderRecord): void {
    let last = given;
    for (let by = this.#absorbedBy.get(last); by; by = this.#absorbedBy.get(by)) last = by;
    const plan = this.#plan(order.machine);
    const acted = this.#contactsOf(plan, startOf(last), last.endedAt).some(
      (contact) => contact.command !== undefined && contact.acted,
    );
    const provenAt = last.proof?.startedAt ?? last.endedAt ?? 0;
    const left = last.state === "done" && this.#known(plan, provenAt).some((state) => state !== goal(order.verb));
    const harmless = last.state === "failed" && !acted && last.error?.code !== "refused";
    this.#check(left || harmless, `${describe(order)} obeys its click again after ${describe(last)}: ${last.state}`);
  }

  ended(order: OrderRecord): void {
    const tracked = this.orders.find((known) => known.order === order);
    this.#check(tracked !== undefined && ++tracked.ends === 1, `${describe(order)} ended more or less than once`);
    this.#check(
      ["done", "failed", "superseded", "cut_short"].includes(order.state),
      `${describe(order)} ended as ${order.state}`,
    );
    if (order.state !== "done") return;
    const plan = this.#plan(order.machine);
    const { proof, grade } = order;
    const wish = goal(order.verb);
    const what = `${describe(order)}, done and ${grade}`;
    if (!proof || proof.state !== wish) {
      this.#check(false, `${what}: its proof says ${proof?.state}`);
      return;
    }
    this.#shown({ plan, reading: proof, from: proof.startedAt, to: order.endedAt ?? 0 }, what);
    const commands = this.#contactsOf(plan, order.acceptedAt).filter((contact) => contact.command && contact.acted);
    const last = Math.max(...commands.map((contact) => contact.ended ?? Infinity), -Infinity);
    this.#check(
      proof.startedAt >= last + (last > 0 ? plan.settle : 0),
      `${what}: its proof began before a command ended`,
    );
    this.#check(proof.startedAt >= order.acceptedAt, `${what}: its proof is older than the order`);
    this.#check(
      !this.#pending(plan, opposite(wish), order.endedAt ?? 0),
      `${what}: an earlier command may still switch it ${opposite(wish)}`,
    );
    this.#check(
      proof.fed === false || !this.#heard(plan, opposite(wish), { from: proof.startedAt, to: order.endedAt ?? 0 }),
      `${what}: the device had told by then that it is ${opposite(wish)}`,
    );
    if (order.verb === "on" || order.verb === "off") return;
    const wasOff =
      commands.some(({ command }) => command !== "on") ||
      this.#judgements(plan, order.acceptedAt, order.endedAt ?? 0).includes("off");
    this.#check(wasOff, `${what}: it was never off`);
  }

  /** What was answered is what was told: a success to a caller, or a reading. */
  answered(request: OrderRequest, askedAt: number): void {
    const plan = this.#plan(request.machine);
    const wish = goal(request.verb);
    const seen = this.#known(plan, askedAt - FRESH_MS);
    this.#check(
      seen.includes(wish) || (wish === "on" && seen.includes("assumed on")),
      `${request.actor.name} was told that ${request.verb} ${request.machine} is done, which no reading shows`,
    );
  }

  queried(machine: string, askedAt: number, reading: Reading | undefined): void {
    const now = this.#scene.now();
    this.#check(now - askedAt <= 10_000, `${machine} was asked for ${now - askedAt} ms`);
    if (!reading || reading.state === "unknown") return;
    const plan = this.#plan(machine);
    const what = `the query of ${machine} at ${askedAt} says ${reading.state}`;
    this.#shown({ plan, reading, from: reading.startedAt, to: now, pushed: true }, what);
    // What one outlet tells unasked is as old as it is, whatever was commanded of another.
    const keys = outletsOf(plan);
    if (keys.length > 1 && keys.some((key) => HUBS[hubOf(key)].pushes)) return;
    const commandEnd = Math.max(
      ...this.#contactsOf(plan, 0)
        .filter(({ command, acted, ended }) => command && acted && ended !== undefined && ended <= askedAt)
        .map(({ ended }) => ended ?? 0),
      0,
    );
    this.#check(reading.startedAt >= commandEnd, `${what} by a reading from before the last command`);
  }

  // By the rules.

  #shown(
    claim: {
      readonly plan: Plan;
      readonly reading: Reading;
      readonly from: number;
      readonly to: number;
      readonly pushed?: boolean;
    },
    what: string,
  ): void {
    const { plan, reading, from, to, pushed = false } = claim;
    const seen = this.#judgements(plan, from, to, pushed);
    const judged: Judged = reading.confidence === "measured" ? (reading.state === "on" ? "on" : "off") : "assumed on";
    this.#check(
      reading.state === "unknown" || seen.includes(judged),
      `${what}: no reading since ${from} shows it (${seen.join(", ") || "nothing"})`,
    );
  }

  /**
   * Every judgement that what was told between the times allows, where a source may have told more than one thing. What
   * was told unasked counts for queries, never for orders.
   */
  #judgements(plan: Plan, from: number, to: number, pushed = false): Judged[] {
    const told = this.#scene.site.contacts.filter(
      (contact) =>
        contact.told !== undefined &&
        contact.began >= from &&
        (contact.reached ?? Infinity) <= to &&
        (pushed || !contact.pushed),
    );
    const sources = outletsOf(plan).map((key) => {
      const of = told.filter((contact) => contact.key === key);
      return {
        key,
        states: [undefined, ...new Set(of.map((contact) => contact.told).filter((value) => typeof value === "string"))],
        watts: [undefined, ...of.map((contact) => contact.told).filter((value) => typeof value === "number")],
      };
    });
    let combinations: Told[] = [{ switched: () => undefined, watts: () => undefined }];
    for (const { key, states, watts } of sources) {
      combinations = combinations.flatMap((before) =>
        states.flatMap((state) =>
          watts.map((drawn) => ({
            switched: (asked: string) => (asked === key ? state : before.switched(asked)),
            watts: (asked: string) => (asked === key ? drawn : before.watts(asked)),
          })),
        ),
      );
    }
    return [...new Set(combinations.map((combination) => judge(plan, combination)))].filter(
      (judged) => judged !== undefined,
    );
  }

  /** The judgements of who asks for it: what a device tells unasked holds until it tells something else. */
  #known(plan: Plan, from: number): Judged[] {
    const heard = outletsOf(plan).flatMap((key) =>
      HUBS[hubOf(key)].pushes ? (this.#toldAt(key, from)?.began ?? []) : [],
    );
    return this.#judgements(plan, Math.min(from, ...heard), this.#scene.now(), true);
  }

  #seen(plan: Plan, from: number, to: number): ReadonlySet<Judged> {
    return new Set(this.#judgements(plan, from, to));
  }

  /** Is there a command to `to` that may have acted, has not shown, and may still take effect? */
  #pending(plan: Plan, to: "on" | "off", now: number): boolean {
    return this.#contactsOf(plan, 0).some((contact) => {
      const { command, acted, began, reached, key } = contact;
      if (!command || !acted || reached === undefined || reached >= now) return false;
      const leadsTo = command === "on" || command === "reset" ? "on" : "off";
      const ended = contact.ended ?? began;
      const supply = plan.supplies.includes(key);
      const wait = supply ? plan.verify : plan.wait;
      if (leadsTo !== to || ended + wait <= now) return false;
      return !this.#resolved(plan, { to, key, ended, now });
    });
  }

  /** Was the state told unasked between the times, and nothing else of the machine since? */
  #heard(plan: Plan, state: "on" | "off", { from, to }: { readonly from: number; readonly to: number }): boolean {
    if (plan.query === undefined) return false;
    const last = this.#toldAt(plan.query, to);
    return last?.pushed === true && last.told === state && last.began > from;
  }

  /** Was the state told unasked between the times? It may be newer than a part of what was read meanwhile. */
  #doubted(plan: Plan, state: "on" | "off", { from, to }: { readonly from: number; readonly to: number }): boolean {
    return this.#contactsOf(plan, from, to).some((contact) => contact.pushed && contact.told === state);
  }

  /**
   * Died an earlier life in the middle of an order on it? What is about to be sent is kept first, so this one cannot know
   * that it never was, and reckons with it for as long as it could still show.
   */
  #unsent(plan: Plan, now: number): boolean {
    const { life, bornAt } = this.#scene.site;
    const cut = this.orders.some(
      (known) => known.life < life && known.order.machine === plan.name && known.order.endedAt === undefined,
    );
    return cut && now < bornAt + Math.max(plan.wait, plan.verify);
  }

  /** May a reset be between its off and its boot? What is read as off may then be its own off. */
  #restarting(plan: Plan, now: number): boolean {
    return this.#contactsOf(plan, 0, now).some(
      ({ command, acted, began, ended = began }) => command === "reset" && acted && ended + plan.wait > now,
    );
  }

  #resolved(
    plan: Plan,
    {
      to,
      key,
      ended,
      now,
    }: { readonly to: "on" | "off"; readonly key: string; readonly ended: number; readonly now: number },
  ): boolean {
    const told = this.#scene.site.contacts.filter(
      (contact) => contact.began >= ended && contact.told !== undefined && (contact.reached ?? Infinity) <= now,
    );
    const toldSince = (of: string, state: "on" | "off", from: number) =>
      told.find((contact) => contact.key === of && contact.told === state && contact.began >= from);
    const supply = plan.supplies.includes(key);
    const shown = supply ? toldSince(key, to, ended) : undefined;
    if (supply && !shown) return false;
    // What was asked of the machine is void without current; what its supply starts shows in the machine.
    if (supply && (to === "off" || plan.afterAc === "stays_off" || (plan.query === undefined && !plan.metered)))
      return true;
    const from = shown?.began ?? ended;
    const cut = plan.supplies.length > 0 && plan.supplies.every((outlet) => toldSince(outlet, "off", from));
    return cut || this.#judgements(plan, ended, now, true).includes(to);
  }

  /** The last thing that was told of the outlet until then. */
  #toldAt(key: string, until: number): Contact | undefined {
    return this.#scene.site.contacts.findLast(
      (contact) => contact.key === key && contact.told !== undefined && (contact.reached ?? Infinity) <= until,
    );
  }

  #contactsOf(plan: Plan, from: number, to = Infinity): Contact[] {
    const keys = outletsOf(plan);
    return this.#scene.site.contacts.filter(({ key, began }) => keys.includes(key) && began >= from && began <= to);
  }

  #lastCommandEnd(plan: Plan, order: OrderRecord): number | undefined {
    const ended = this.#contactsOf(plan, startOf(order)).flatMap(({ command, ended: at }) => (command && at) || []);
    return ended.length > 0 ? Math.max(...ended) : undefined;
  }

  /** The order that is being obeyed: the eldest of this life that has not ended. */
  #runs(machine: string): Tracked | undefined {
    const { life } = this.#scene.site;
    return this.orders.find(
      ({ order, life: of }) => of === life && order.machine === machine && order.endedAt === undefined,
    );
  }

  #plan(machine: string): Plan {
    const plan = this.#scene.plans.get(machine);
    if (!plan) throw new Error(`no machine ${machine}`);
    return plan;
  }
}

function opposite(state: "on" | "off"): "on" | "off" {
  return state === "on" ? "off" : "on";
}

function hubOf(key: string): keyof typeof HUBS {
  return key.split("/")[0] as keyof typeof HUBS;
}

/** When it began to be obeyed: before that the machine was another order's. */
function startOf({ steps, acceptedAt }: OrderRecord): number {
  return steps[0]?.at ?? acceptedAt;
}

export function describe({ verb, machine, actor, id }: OrderRecord): string {
  return `${verb} ${machine} by ${actor.name} (${id})`;
}
