import { describe, expect, test, vi } from "vitest";
import type { How, Verb } from "../../src/power/driver.ts";
import { Listeners, type PowerSignal } from "../../src/power/events.ts";
import type { OrderRecord } from "../../src/power/order.ts";
import { ANNA, Lab, MAAS, Notebook, RACK2 } from "./lab.ts";

/** Tells amendments from updates. */
class Strict extends Notebook {
  readonly amended: OrderRecord[] = [];

  override amend(order: OrderRecord): void {
    if (order.endedAt === undefined) throw new Error("an order under way is not amended");
    this.amended.push(structuredClone(order));
  }
}

/** What is told of orders, each with the state and the number of steps that it had then. */
function stories() {
  const told: string[] = [];
  const hear = (signal: PowerSignal) => {
    if (!("order" in signal) || typeof signal.order === "string" || signal.order === undefined) return;
    const { verb, state, steps } = signal.order;
    const waiting = signal.order.waitingFor === undefined ? "" : `, waits for ${signal.order.waitingFor}`;
    told.push(`${signal.kind} ${verb}: ${state}, ${steps.length} steps${waiting}`);
  };
  return { told, hear };
}

describe("the record of an order", () => {
  test("has all that was asked, and nothing that was not", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial: "on" });
    lab.addMachine("nuc2", { initial: "on" });
    const at = lab.clock.now();
    const bare = lab.power.order({ machine: "nuc1", verb: "on", actor: MAAS }).order;
    expect(bare).toEqual<OrderRecord>({
      id: bare.id,
      machine: "nuc1",
      verb: "on",
      actor: MAAS,
      forced: false,
      acceptedAt: at,
      state: "waiting",
      steps: [],
      repeats: 0,
      joined: [],
    });
    expect(Object.keys(bare)).not.toContain("reason");
    const wish = { machine: "nuc2", verb: "off", actor: ANNA, how: "hard", reason: "it smells", force: true } as const;
    const { order } = lab.power.order(wish);
    expect(order).toMatchObject({ how: "hard", reason: "it smells", forced: true, actor: ANNA });
    expect(order.id).not.toBe(bare.id);
  });

  test("keeps an empty reason as it was given", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1");
    expect(await lab.order("nuc1", "on", { reason: "" })).toHaveProperty("reason", "");
  });

  test("tells step by step what was done, when, and what proved it", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { boot: "1s" });
    const at = lab.clock.now();
    const order = await lab.order("nuc1", "on");
    const seen = { confidence: "measured" };
    expect(order).toEqual({
      id: order.id,
      machine: "nuc1",
      verb: "on",
      actor: MAAS,
      forced: false,
      acceptedAt: at,
      endedAt: at + 1_000,
      state: "done",
      grade: "measured",
      proof: { ...seen, state: "on", startedAt: at + 1_000, evidence: ["running"] },
      steps: [
        { at, what: "read", text: "off: not running", durationMs: 0 },
        { at, what: "command", text: "on by nuc1", durationMs: 0 },
        { at, what: "read", text: "off: not running", durationMs: 0 },
        { at: at + 1_000, what: "read", text: "on: running", durationMs: 0 },
      ],
      repeats: 0,
      joined: [],
    });
    expect(lab.notebook.orders.get(order.id)).toEqual(order);
    expect(lab.power.machine("nuc1")).toMatchObject({ order: undefined, lastOrder: order });
  });

  test("tells how it failed, and that it may have acted", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { fault: "stuck" }, { verify: 5_000 });
    const at = lab.clock.now();
    const failure = await lab.failure("nuc1", "on");
    const { lastOrder } = lab.power.machine("nuc1");
    const { code, message, hint } = failure;
    expect(lastOrder).toMatchObject({ state: "failed", acceptedAt: at, endedAt: at + 5_000 });
    expect(lastOrder?.error).toEqual({ code, message, hint, mayHaveActed: true });
    expect(lastOrder).not.toHaveProperty("grade");
    expect(lastOrder).not.toHaveProperty("proof");
  });

  test.each([
    ["before anything was commanded", { hand: undefined, acted: false }],
    ["after it was commanded", { hand: 1_000, acted: true }],
  ] as const)("that is cancelled %s tells whether it may have acted", async (_when, { hand, acted }) => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { boot: "10s" });
    const { order, done } = lab.power.order({ machine: "nuc1", verb: "on", actor: MAAS });
    if (hand !== undefined) await lab.wait(hand);
    lab.power.cancel(order.id, ANNA);
    await expect(lab.run(done)).rejects.toMatchObject({ code: "superseded", mayHaveActed: acted });
    expect(order).toMatchObject({ state: "superseded", error: { message: "cancelled by anna", mayHaveActed: acted } });
    expect(lab.commands("nuc1")).toEqual(acted ? ["on"] : []);
  });
});

describe("who listens", () => {
  test("is told of an order as it is taken, at every step, and as it ends", async () => {
    const { told, hear } = stories();
    await using lab = new Lab({ hear });
    lab.addMachine("nuc1", { boot: "1s" });
    const at = lab.clock.now();
    const order = await lab.order("nuc1", "on");
    expect(told).toEqual([
      "order:accepted on: waiting, 0 steps",
      "order:updated on: running, 1 steps",
      "order:updated on: running, 2 steps",
      "order:updated on: running, 3 steps",
      "order:updated on: running, 4 steps",
      "order:ended on: done, 4 steps",
    ]);
    const signals = lab.signals.filter(({ kind }) => kind.startsWith("order:"));
    expect(signals).toEqual([
      { kind: "order:accepted", at, order },
      { kind: "order:updated", at, order },
      { kind: "order:updated", at, order },
      { kind: "order:updated", at, order },
      { kind: "order:updated", at: at + 1_000, order },
      { kind: "order:ended", at: at + 1_000, order },
    ]);
  });

  test("is told of those who join", async () => {
    const { told, hear } = stories();
    await using lab = new Lab({ hear });
    lab.addMachine("nuc1", { boot: "1s" });
    const { order } = lab.power.order({ machine: "nuc1", verb: "on", actor: MAAS });
    lab.power.order({ machine: "nuc1", verb: "on", actor: RACK2 });
    expect(told).toEqual(["order:accepted on: waiting, 0 steps", "order:updated on: waiting, 0 steps"]);
    expect(lab.signals.at(-1)).toEqual({ kind: "order:updated", at: lab.clock.now(), order });
    expect(order.joined).toEqual([RACK2]);
  });

  test("hears of an order's end before the one that took its place begins", async () => {
    const { told, hear } = stories();
    await using lab = new Lab({ hear });
    lab.addMachine("nuc1", { boot: "0s" });
    lab.hub("nuc1").latency = 20;
    const on = lab.power.order({ machine: "nuc1", verb: "on", actor: MAAS });
    const off = lab.power.order({ machine: "nuc1", verb: "off", actor: ANNA });
    let stateThen: string | undefined;
    const stop = lab.power.listen((signal) => {
      if (signal.kind === "order:ended" && signal.order === on.order) stateThen = off.order.state;
    });
    await lab.run(off.done);
    stop();
    await expect(lab.run(on.done)).rejects.toMatchObject({ code: "superseded" });
    expect(stateThen).toBe("waiting");
    expect(told.slice(0, 3)).toEqual([
      "order:accepted on: waiting, 0 steps",
      "order:accepted off: waiting, 0 steps, waits for the end of on by maas",
      "order:ended on: superseded, 0 steps",
    ]);
  });
});

describe("one of several who listen", () => {
  test("hears all when another fails, whose failure is left to the process", () => {
    const listeners = new Listeners<string>();
    const heard: string[] = [];
    const fault = new Error("a listener has a fault");
    listeners.listen(() => {
      throw fault;
    });
    listeners.listen((told) => heard.push(told));
    const left = vi.spyOn(globalThis, "queueMicrotask").mockReturnValue();
    listeners.tell("news");
    expect(heard).toEqual(["news"]);
    expect(left.mock.calls).toHaveLength(1);
    expect(() => left.mock.calls[0]?.[0]()).toThrow(fault);
  });
});

describe("a change of state", () => {
  test("is told with the order under which it came, and without where there was none", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { boot: "3s" });
    const { id } = await lab.order("nuc1", "on");
    lab.device("nuc1").byHand("off");
    await lab.wait(5_000);
    await lab.run(lab.power.query("nuc1"));
    const changes = lab.signals.flatMap((signal) => (signal.kind === "machine:changed" ? [signal] : []));
    expect(changes.map(({ from, to, order }) => [from, to, order])).toEqual([
      ["off", "on", id],
      ["on", "off", undefined],
    ]);
  });
});

describe("an order for a machine that has one under way", () => {
  type Wish = readonly [Verb, How?];
  test.each<readonly [Wish, Wish, boolean]>([
    [["on"], ["on"], true],
    [["cycle"], ["on"], true],
    [["reset"], ["on"], true],
    [["off"], ["on"], false],
    [["on"], ["off"], false],
    [["on"], ["cycle"], false],
    [["on"], ["reset"], false],
    [["cycle"], ["cycle"], true],
    [["cycle"], ["reset"], false],
    [["reset"], ["reset"], true],
    [["reset"], ["cycle"], false],
    [["cycle"], ["off"], false],
    [["off"], ["off"], true],
    [["off", "soft"], ["off", "soft"], true],
    [["off", "soft"], ["off"], true],
    [["off"], ["off", "soft"], true],
    [["off", "hard"], ["off", "soft"], true],
    [["off", "hard"], ["off"], true],
    [["off", "hard"], ["off", "hard"], true],
    [["off", "soft"], ["off", "hard"], false],
    [["off"], ["off", "hard"], false],
  ])("%j, followed by %j joins it: %s", async ([verb, how], [next, nextHow], joins) => {
    await using lab = new Lab();
    lab.addMachine("nuc1");
    const of = (verb: Verb, how?: How) => ({ machine: "nuc1", verb, actor: ANNA, ...(how && { how }) });
    const standing = lab.power.order(of(verb, how));
    const other = lab.power.order(of(next, nextHow));
    expect(other.order === standing.order).toBe(joins);
    expect(standing.order.joined).toEqual(joins ? [ANNA] : []);
    expect(lab.power.orders()).toEqual([other.order]);
    await lab.run(Promise.allSettled([standing.done, other.done]));
  });
});

describe("who stands behind an order", () => {
  const behind = { user: "bob", event: "releasing node" };

  test("is added to one that is under way, and told", async () => {
    const journal = new Strict();
    await using lab = new Lab({ store: { journal, memory: journal } });
    lab.addMachine("nuc1", { boot: "10s" });
    const { order, done } = lab.power.order({ machine: "nuc1", verb: "on", actor: MAAS });
    await lab.wait(2_000);
    const told = lab.signals.length;
    lab.power.attribute({ machine: "nuc1", id: order.id }, behind);
    expect(order.behind).toEqual(behind);
    expect(journal.orders.get(order.id)?.behind).toEqual(behind);
    expect(journal.amended).toEqual([]);
    expect(lab.signals.slice(told)).toEqual([{ kind: "order:updated", at: lab.clock.now(), order }]);
    expect((await lab.run(done)).behind).toEqual(behind);
  });

  test("is added to the last one that ended, as an amendment", async () => {
    const journal = new Strict();
    await using lab = new Lab({ store: { journal, memory: journal } });
    lab.addMachine("nuc1");
    const order = await lab.order("nuc1", "on");
    await lab.wait(5_000);
    const lines = journal.lines.length;
    lab.power.attribute({ machine: "nuc1", id: order.id }, behind);
    expect(order.behind).toEqual(behind);
    expect(journal.amended).toEqual([order]);
    expect(journal.lines).toHaveLength(lines);
    expect(lab.signals.at(-1)).toEqual({ kind: "order:updated", at: lab.clock.now(), order });
  });

  test("is not added to one that another has followed, nor to an unknown one", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1");
    lab.power.attribute({ machine: "nuc1", id: "none" }, behind);
    const first = await lab.order("nuc1", "on");
    const second = await lab.order("nuc1", "off");
    const { order: third, done } = lab.power.order({ machine: "nuc1", verb: "on", actor: MAAS });
    const told = lab.signals.length;
    for (const id of [first.id, "none"]) lab.power.attribute({ machine: "nuc1", id }, behind);
    lab.power.attribute({ machine: "nuc2", id: third.id }, behind);
    expect([first.behind, second.behind, third.behind]).toEqual([undefined, undefined, undefined]);
    expect(lab.signals).toHaveLength(told);
    lab.power.attribute({ machine: "nuc1", id: second.id }, behind);
    expect([second.behind, third.behind]).toEqual([behind, undefined]);
    await lab.run(done);
  });
});
