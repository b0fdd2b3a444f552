import { describe, expect, test } from "vitest";
import simulated from "../../src/drivers/simulated.ts";
import type { QueryAnswer } from "../../src/power/driver.ts";
import { PowerError } from "../../src/power/errors.ts";
import type { OrderRecord } from "../../src/power/order.ts";
import type { MachineSpec, OutletSpec } from "../../src/power/spec.ts";
import { ANNA, Lab, MAAS } from "./lab.ts";
import { deeds, lastOrder, telling, unreadable, variant } from "./scripted.ts";
import { toldOutlet } from "./told-outlet.ts";

/** A machine with a power button, and an LED that tells whether it runs. */
function desk(
  lab: Lab,
  settings: Record<string, unknown> = {},
  more: Partial<MachineSpec> & { led?: OutletSpec } = {},
) {
  const { led, ...spec } = more;
  const button = lab.outlet("desk", { kind: "button", boot: "0s", shutdown: "0s", ...settings });
  const stage = { outlet: button, wait: 60_000 };
  lab.add("desk", {
    query: { kind: "one", outlet: led ?? button },
    ...spec,
    stages: { on: [stage], off: [stage], cycle: [], reset: [stage] },
  });
}

function pressed(lab: Lab): number[] {
  const [first, ...others] = lab.device("desk").commands.map(({ at }) => at);
  return first === undefined ? [] : [0, ...others.map((at) => at - first)];
}

/** Tells these answers, the last one again and again. */
function inTurn(...answers: QueryAnswer[]): () => QueryAnswer {
  return () => (answers.length > 1 ? answers.shift() : answers[0]) ?? "off";
}

/** An outlet that toggles. Each read takes 100 ms, and tells what was so when it began. */
function toggling(lab: Lab, hub: string, state: "on" | "off") {
  const it = { state, presses: 0 };
  const outlet = toldOutlet(lab, hub, {
    momentary: true,
    answers: async () => {
      const { state } = it;
      await lab.clock.sleep(100);
      return state;
    },
    obeys: async () => {
      it.presses += 1;
      it.state = it.state === "on" ? "off" : "on";
    },
  });
  return Object.assign(it, { outlet });
}

/** An order of `desk`; somebody else asks while its last read before the press is under way, and then the change happens. */
async function contested(lab: Lab, change: () => void, verb: "on" | "off" = "off"): Promise<OrderRecord> {
  const { order, done } = lab.power.order({ machine: "desk", verb, actor: MAAS });
  await lab.wait(150);
  lab.power.query("desk").catch(() => undefined);
  await lab.wait(30);
  change();
  await lab.run(done).catch(() => undefined);
  return order;
}

const REFUSAL = {
  code: "refused",
  message: "desk is a button, and the state is not measured: pressing it might do the opposite",
  hint: "Give the machine a query that measures, such as `reachable` or the power LED.",
  mayHaveActed: false,
};

describe("a button", () => {
  test.each<[string, QueryAnswer]>([
    ["is only assumed", { state: "off", assumed: true }],
    ["is unknown", { state: "unknown" }],
  ])("is not pressed while the state %s", async (_, answer) => {
    await using lab = new Lab();
    desk(lab, {}, { led: telling(lab, "led", () => answer) });
    expect(await lab.failure("desk", "on")).toMatchObject(REFUSAL);
    expect(pressed(lab)).toEqual([]);
  });

  test("is not pressed while the state cannot be read", async () => {
    await using lab = new Lab();
    const led = telling(lab, "led", () => {
      throw new PowerError("auth", "who are you?");
    });
    desk(lab, {}, { led });
    expect(await lab.failure("desk", "on")).toMatchObject({ code: "auth", mayHaveActed: false });
    expect(pressed(lab)).toEqual([]);
  });

  test("is not pressed when somebody else was faster", async () => {
    await using lab = new Lab();
    desk(lab, {}, { led: telling(lab, "led", inTurn("off", "on")) });
    expect(await lab.order("desk", "on")).toMatchObject({ state: "done", grade: "measured" });
    expect(pressed(lab)).toEqual([]);
    const { clouds, last } = lab.notebook.get("desk");
    expect(clouds).toEqual([]);
    expect(last).toMatchObject({ state: "on" });
  });

  test.each([
    { otherwise: true, presses: 0 },
    { otherwise: false, presses: 1 },
  ])("is pressed $presses times when somebody else read otherwise just before: $otherwise", async (it) => {
    await using lab = new Lab({ slow: true });
    const desk = toggling(lab, "desk", "on");
    const stage = { outlet: desk.outlet, wait: 10_000 };
    lab.add("desk", {
      query: { kind: "one", outlet: desk.outlet },
      fresh: 0,
      stages: { on: [], off: [stage], cycle: [], reset: [] },
    });
    const order = await contested(lab, () => {
      // By itself.
      if (it.otherwise) desk.state = "off";
    });
    expect(order).toMatchObject({ state: "done", grade: "measured" });
    expect([desk.presses, desk.state]).toEqual([it.presses, "off"]);
    expect(order.steps.flatMap(({ error }) => error ?? [])).toEqual(
      it.otherwise ? [{ code: "busy", message: "desk changed before desk could be pressed" }] : [],
    );
  });

  test("waits until an earlier press has shown", async () => {
    await using lab = new Lab();
    desk(lab, { lag: "8s" });
    lab.power.order({ machine: "desk", verb: "on", actor: MAAS });
    await lab.wait(2_000);
    const off = await lab.order("desk", "off", { actor: ANNA });
    expect(off).toMatchObject({ state: "done", grade: "measured" });
    expect(deeds(off)).toEqual(["0 s wait an earlier command may still show", "6 s command off (hard) by desk"]);
    expect(pressed(lab)).toEqual([0, 8_000]);
    expect(lab.device("desk").running).toBe(false);
  });

  test("is pressed again only when the last press has settled", async () => {
    await using lab = new Lab();
    lab.hubSpec("desk", simulated, { settle: 3_000 });
    desk(lab);
    lab.power.order({ machine: "desk", verb: "on", actor: MAAS });
    await lab.wait(1_000);
    await lab.order("desk", "off", { actor: ANNA });
    expect(pressed(lab)).toEqual([0, 3_000]);
  });

  test("settles as long as the machine says, where that is longer", async () => {
    await using lab = new Lab();
    lab.hubSpec("desk", simulated, { settle: 3_000 });
    desk(lab, {}, { settle: 4_500 });
    lab.power.order({ machine: "desk", verb: "on", actor: MAAS });
    await lab.wait(1_000);
    await lab.order("desk", "off", { actor: ANNA });
    expect(pressed(lab)).toEqual([0, 4_500]);
  });

  test("is pressed at once for the first time", async () => {
    await using lab = new Lab();
    lab.hubSpec("desk", simulated, { settle: 3_000 });
    desk(lab);
    expect(deeds(await lab.order("desk", "on"))).toEqual(["0 s command on by desk"]);
  });

  test("that lost its answer is not pressed again, and one read tells what became of it", async () => {
    await using lab = new Lab();
    desk(lab, { fault: "lost-answer" });
    expect(await lab.order("desk", "on")).toMatchObject({ state: "done", grade: "measured" });
    expect(pressed(lab)).toEqual([0]);
  });

  test("that lost its answer in vain leaves a failure", async () => {
    await using lab = new Lab();
    desk(lab, { fault: "lost-answer", boot: "20s" });
    expect(await lab.failure("desk", "on")).toMatchObject({ code: "timeout", mayHaveActed: true });
    expect(pressed(lab)).toEqual([0]);
  });
});

describe("a button that resets", () => {
  test("is pressed on a machine that is measured on", async () => {
    await using lab = new Lab();
    lab.hubSpec("desk", variant(lab, "desk", { momentary: true }));
    desk(lab, { kind: "machine", initial: "on" });
    expect(await lab.order("desk", "reset")).toMatchObject({ grade: "accepted" });
    expect(lab.commands("desk")).toEqual(["reset"]);
  });

  test("is not pressed on one that went off before it", async () => {
    await using lab = new Lab();
    desk(lab, {}, { led: telling(lab, "led", inTurn("on", "off")) });
    expect((await lab.failure("desk", "reset")).code).toBe("unproven");
    expect(pressed(lab)).toEqual([]);
  });
});

describe("a relay that toggles, in the supply of a machine", () => {
  /** Its relay obeys as a plug does: what counts is when it is told anything. */
  function toggled(lab: Lab, settings: Record<string, unknown>, more: Partial<MachineSpec> = {}) {
    if (lab.machines.length === 0) lab.hubSpec("desk", variant(lab, "desk", { momentary: true }));
    lab.add("desk", {
      supplies: [{ outlet: lab.outlet("desk", { kind: "plug", boot: "0s", ...settings }) }],
      verify: 4_000,
      ...more,
    });
  }

  test("goes by its own state, not by that of the machine", async () => {
    await using lab = new Lab();
    toggled(
      lab,
      { initial: "on" },
      { cut: "always", query: { kind: "one", outlet: telling(lab, "led", () => "off") } },
    );
    expect((await lab.order("desk", "off")).proof).toMatchObject({ state: "off", fed: false });
    expect(lab.commands("desk")).toEqual(["off"]);
  });

  test("is left alone when it is found where it should be", async () => {
    await using lab = new Lab();
    const answers = inTurn("on", "off");
    lab.hubSpec("desk", variant(lab, "desk", { momentary: true, query: async () => answers() }));
    lab.add("desk", { supplies: [{ outlet: lab.outlet("desk", { kind: "plug" }) }], verify: 4_000 });
    expect((await lab.order("desk", "off")).state).toBe("done");
    expect(lab.commands("desk")).toEqual([]);
  });

  test("is not told anything while its own state is only assumed", async () => {
    await using lab = new Lab();
    const query = async (): Promise<QueryAnswer> => ({ state: "on", assumed: true });
    lab.hubSpec("desk", variant(lab, "desk", { momentary: true, query }));
    lab.add("desk", { supplies: [{ outlet: lab.outlet("desk", { kind: "plug" }) }], verify: 4_000 });
    expect(await lab.failure("desk", "off")).toMatchObject(REFUSAL);
    expect(lab.commands("desk")).toEqual([]);
  });

  test("is not told anything where it cannot be read, even if the machine can", async () => {
    await using lab = new Lab();
    const driver = { ...unreadable(lab, "desk"), momentary: true };
    const led = telling(lab, "led", () => "on");
    lab.add("desk", {
      supplies: [{ outlet: lab.outlet("desk", { kind: "plug", initial: "on" }, driver) }],
      query: { kind: "one", outlet: led },
    });
    expect(await lab.failure("desk", "off")).toMatchObject(REFUSAL);
    expect(lab.commands("desk")).toEqual([]);
  });

  describe("is told", () => {
    /** `other` is what a plain outlet beside it reads, whatever that is told; absent: there is none. */
    interface Case {
      readonly what: string;
      readonly verb: "on" | "off";
      readonly other?: "on" | "off";
      readonly seen: boolean;
    }

    test.each<Case>([
      { what: "nothing, where it is the only one and was seen open", verb: "off", seen: true },
      { what: "once, where it is the only one and was seen closed again", verb: "off", seen: false },
      { what: "nothing, where it was seen open beside one that is closed", verb: "off", other: "on", seen: true },
      { what: "nothing, where it was seen open beside one that is open", verb: "off", other: "off", seen: true },
      { what: "once, where it was seen closed again beside one that is open", verb: "off", other: "off", seen: false },
      { what: "nothing, where it is the only one and was seen closed", verb: "on", seen: true },
      { what: "nothing, where it was seen closed beside one that is open", verb: "on", other: "off", seen: true },
      { what: "once, where it was seen open again beside one that is open", verb: "on", other: "off", seen: false },
    ])("$what, just before it is to be switched $verb", async ({ verb, other, seen }) => {
      await using lab = new Lab({ slow: true });
      const relay = toggling(lab, "relay", verb === "on" ? "off" : "on");
      const beside = other && toldOutlet(lab, "other", { answers: () => other, obeys: async () => undefined });
      lab.add("desk", {
        supplies: [...(beside ? [{ outlet: beside }] : []), { outlet: relay.outlet }],
        fresh: 0,
        verify: 10_000,
      });
      const { steps } = await contested(
        lab,
        () => {
          if (seen) relay.state = verb;
        },
        verb,
      );
      expect([relay.presses, relay.state]).toEqual([seen ? 0 : 1, verb]);
      const busy = steps.filter(({ error }) => error?.code === "busy");
      expect(busy).toHaveLength(seen ? 1 : 0);
    });
  });

  test("waits until what it was told before has shown", async () => {
    await using lab = new Lab();
    toggled(lab, { lag: "8s" }, { verify: 60_000 });
    lab.power.order({ machine: "desk", verb: "on", actor: MAAS });
    await lab.wait(2_000);
    const off = await lab.order("desk", "off", { actor: ANNA });
    expect(deeds(off)).toEqual(["0 s wait an earlier command may still show", "6 s command off (hard) by desk"]);
    expect(pressed(lab)).toEqual([0, 8_000]);
    expect(lab.device("desk").fed).toBe(false);
  });

  test("waits so too where the other outlet of the supply does not toggle", async () => {
    await using lab = new Lab();
    lab.hubSpec("desk", variant(lab, "desk", { momentary: true }));
    const outlets = ["desk", "plain"].map((hub) => ({ outlet: lab.outlet(hub, { kind: "plug", lag: "8s" }) }));
    lab.add("desk", { supplies: outlets, verify: 60_000 });
    lab.power.order({ machine: "desk", verb: "on", actor: MAAS });
    await lab.wait(2_000);
    const off = await lab.order("desk", "off", { actor: ANNA });
    expect(deeds(off)[0]).toBe("0 s wait an earlier command may still show");
    expect(pressed(lab)).toEqual([0, 8_000]);
  });

  test("does not keep plain outlets waiting elsewhere", async () => {
    await using lab = new Lab();
    lab.addPlug("desk", { lag: "8s" });
    lab.power.order({ machine: "desk", verb: "on", actor: MAAS });
    await lab.wait(2_000);
    await lab.order("desk", "off", { actor: ANNA });
    expect(deeds(lastOrder(lab, "desk"))[0]).toBe("0 s command off (hard) by desk");
  });
});
