import { describe, expect, test } from "vitest";
import assumed from "../../src/drivers/assumed.ts";
import type simulated from "../../src/drivers/simulated.ts";
import type { QueryAnswer } from "../../src/power/driver.ts";
import { PowerError } from "../../src/power/errors.ts";
import type { MachineSpec } from "../../src/power/spec.ts";
import { ANNA, Lab } from "./lab.ts";
import { deeds, lastOrder, readTimes, story, telling, unreadable, variant } from "./scripted.ts";

const FAILING = new PowerError("unreachable", "nothing to be heard");

/** The first reads of the hub fail; the ones after them do not. */
function hardOfHearing(lab: Lab, name = "pi1", fails = 1, failing = FAILING) {
  let reads = 0;
  const driver = variant(lab, name, {
    query: (hub, outlet, { signal }) => {
      reads += 1;
      if (reads <= fails) throw failing;
      return hub.read(outlet, signal);
    },
  });
  lab.hubSpec(name, driver);
}

/** A machine on a plug that is woken by its own control, which also tells whether it runs, where it is not blind. */
function woken(
  lab: Lab,
  {
    plug = {},
    wake = {},
    blind = false,
    ...more
  }: Partial<MachineSpec> & {
    readonly plug?: Record<string, unknown>;
    readonly wake?: Record<string, unknown>;
    readonly blind?: boolean;
  },
) {
  const outlet = lab.outlet("wake", { boot: "0s", ...wake });
  lab.addPlug("pi1", plug, {
    afterAc: "stays_off",
    verify: 4_000,
    ...(!blind && { query: { kind: "one", outlet } }),
    ...more,
    stages: { on: [{ outlet, wait: 4_000 }], off: [], cycle: [], reset: [] },
  });
}

describe("an order to switch on", () => {
  test("tells why it cycles a machine that is on already", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial: "on", boot: "0s" }, { whenAlreadyOn: "cycle" });
    expect(deeds(await lab.order("nuc1", "on"))).toEqual([
      "0 s note it is on already, and the configuration says to cycle it then",
      "0 s command off (hard) by nuc1",
      "0 s command on by nuc1",
    ]);
  });

  test("commands again what is on only as far as was ordered, where it has a way", async () => {
    await using lab = new Lab();
    const stage = { outlet: lab.outlet("nuc1"), wait: 1_000 };
    lab.add("nuc1", {
      query: { kind: "one", outlet: lab.outlet("memory", {}, assumed) },
      stages: { on: [stage], off: [], cycle: [], reset: [] },
    });
    await lab.order("nuc1", "on", { actor: ANNA });
    expect(await lab.order("nuc1", "on", { actor: ANNA })).toMatchObject({ grade: "assumed", proof: { state: "on" } });
    expect(lab.commands("nuc1")).toEqual(["on", "on"]);
  });

  test("is content with a plug that is seen closed, where that is all there is", async () => {
    await using lab = new Lab();
    lab.addPlug("pi1", { initial: "on" });
    expect(await lab.order("pi1", "on")).toMatchObject({ grade: "assumed", proof: { state: "on", fed: true } });
    expect(lab.commands("pi1")).toEqual([]);
  });

  test("wakes a machine that is fed, where nothing measures whether it runs", async () => {
    await using lab = new Lab();
    woken(lab, { plug: { initial: "on" }, blind: true });
    expect((await lab.order("pi1", "on")).grade).toBe("assumed");
    expect([lab.commands("pi1"), lab.commands("wake")]).toEqual([[], ["on"]]);
  });

  test("closes again a plug that cannot be read, however often it was closed", async () => {
    await using lab = new Lab();
    lab.hubSpec("pi1", unreadable(lab, "pi1"));
    lab.add("pi1", { supplies: [{ outlet: lab.outlet("pi1", { kind: "plug" }, unreadable(lab, "pi1")) }] });
    await lab.order("pi1", "on", { actor: ANNA });
    await lab.order("pi1", "on", { actor: ANNA });
    expect(lab.commands("pi1")).toEqual(["on", "on"]);
  });

  test("waits for a device that says it is on its way, and commands nothing", async () => {
    await using lab = new Lab();
    const answers: QueryAnswer[] = ["off", { state: "off", towards: "on" }, { state: "off", towards: "on" }, "on"];
    const query = telling(lab, "host", () => answers.shift() ?? "on");
    lab.addMachine("nuc1", {}, { query: { kind: "one", outlet: query } });
    await lab.run(lab.power.query("nuc1"));
    await lab.wait(2_000);
    const order = await lab.order("nuc1", "on");
    expect(order).toMatchObject({ state: "done", grade: "measured" });
    expect(story(order)).toEqual([
      "0 s read off: host says off",
      "0 s note the device says it is on its way",
      "0 s read off: host says off",
      "1 s read on: host says on",
    ]);
  });

  test("waits no longer for that than a machine may take", async () => {
    await using lab = new Lab();
    const query = telling(lab, "host", () => ({ state: "off", towards: "on" }));
    lab.addMachine("nuc1", {}, { query: { kind: "one", outlet: query }, verify: 5_000 });
    expect(await lab.failure("nuc1", "on")).toMatchObject({
      code: "unproven",
      message: "nuc1 still reads off after 5 s (host says off), not on",
    });
    expect(readTimes(lastOrder(lab, "nuc1"))).toEqual([0, 0, 1, 2, 3, 4, 5]);
    expect(lab.commands("nuc1")).toEqual([]);
  });
});

describe("a supply that is closed in vain", () => {
  test("by a machine that could not be read at first, and is fed and halted, is bounced", async () => {
    await using lab = new Lab();
    hardOfHearing(lab);
    lab.addPlug("pi1", { initial: "halted", boot: "0s" }, { above: 6, verify: 4_000 });
    const order = await lab.order("pi1", "on");
    expect(order.grade).toBe("measured");
    expect(deeds(order)).toEqual([
      "0 s command on by pi1",
      "4 s note it is fed but halted: the supply is opened and closed again",
      "4 s command off (hard) by pi1",
      "4 s rest supply stays open until 5 s are over",
      "9 s command on by pi1",
    ]);
  });

  test("is bounced too by one that stays off when it is fed, and has no other way", async () => {
    await using lab = new Lab();
    hardOfHearing(lab);
    lab.addPlug("pi1", { initial: "halted", boot: "0s" }, { above: 6, verify: 4_000, minOff: 0, afterAc: "stays_off" });
    expect((await lab.order("pi1", "on")).grade).toBe("measured");
    expect(lab.commands("pi1")).toEqual(["on", "off", "on"]);
  });

  test("is not bounced when it was seen open before", async () => {
    await using lab = new Lab();
    lab.addPlug("pi1", { restores: false }, { above: 6, verify: 4_000 });
    expect((await lab.failure("pi1", "on")).message).toBe(
      "pi1 still reads off after 4 s (pi1 closed, 0.9 W, below 6 W: halted), not on",
    );
    expect(lab.commands("pi1")).toEqual(["on"]);
  });

  test("is not bounced when it stays open", async () => {
    await using lab = new Lab();
    hardOfHearing(lab);
    lab.addPlug("pi1", { fault: "stuck" }, { above: 6, verify: 4_000 });
    expect((await lab.failure("pi1", "on")).message).toBe("pi1 still reads off after 4 s (pi1 open), not on");
    expect(lab.commands("pi1")).toEqual(["on"]);
  });

  test("is not bounced when its machine was to be woken and did not wake", async () => {
    await using lab = new Lab();
    hardOfHearing(lab);
    woken(lab, { plug: { initial: "halted" }, wake: { fault: "stuck" } });
    expect((await lab.failure("pi1", "on")).code).toBe("unproven");
    expect([lab.commands("pi1"), lab.commands("wake")]).toEqual([["on"], ["on"]]);
  });

  test("is bounced when its machine starts when fed, and did not wake", async () => {
    await using lab = new Lab();
    hardOfHearing(lab);
    woken(lab, { plug: { initial: "halted" }, wake: { fault: "stuck" }, afterAc: "starts", minOff: 0 });
    await lab.failure("pi1", "on");
    expect(lab.commands("pi1")).toEqual(["on", "off", "on"]);
    expect(lab.commands("wake")).toEqual(["on"]);
  });

  test("is not bounced when it refuses", async () => {
    await using lab = new Lab();
    hardOfHearing(lab);
    lab.addPlug("pi1", { fault: "refuses" }, { above: 6 });
    expect((await lab.failure("pi1", "on")).code).toBe("refused");
    expect(lab.commands("pi1")).toEqual(["on"]);
  });

  test("is not bounced when it refuses, though it could be read by then as closed", async () => {
    await using lab = new Lab();
    // Of the hub it says nothing, so nobody but the order reads.
    hardOfHearing(lab, "pi1", 2, new PowerError("refused", "ask later"));
    lab.addPlug("pi1", { fault: "refuses", initial: "halted" }, { above: 6 });
    expect((await lab.failure("pi1", "on")).code).toBe("refused");
    expect(lab.commands("pi1")).toEqual(["on"]);
  });

  test("is not bounced when it can never be read", async () => {
    await using lab = new Lab();
    hardOfHearing(lab, "pi1", Infinity);
    lab.addPlug("pi1", { initial: "halted" }, { above: 6, verify: 4_000 });
    expect(await lab.failure("pi1", "on")).toMatchObject({
      code: "unproven",
      message: "pi1 could not be read for 4 s, so on is not proven: nothing to be heard",
    });
    expect(lab.commands("pi1")).toEqual(["on"]);
  });
});

describe("a machine that is fed and to be woken", () => {
  test("is bounced at once when its control does not answer, and says so", async () => {
    await using lab = new Lab();
    woken(lab, { plug: { initial: "halted", boot: "0s" }, blind: true, afterAc: "starts", above: 6, minOff: 1_000 });
    lab.device("wake").fault = "unreachable";
    const order = await lab.order("pi1", "on");
    expect(deeds(order)).toEqual([
      "0 s command on by wake",
      "0 s note wake: simulated outlet 1 does not answer; trying the next way",
      "0 s note it is fed but halted: the supply is opened and closed again",
      "0 s command off (hard) by pi1",
      "0 s rest supply stays open until 1 s are over",
      "1 s command on by pi1",
    ]);
  });

  test("keeps its current when its control refuses, and nothing measures that it is off", async () => {
    await using lab = new Lab();
    woken(lab, {
      plug: { initial: "on" },
      wake: { fault: "refuses" },
      query: { kind: "one", outlet: lab.outlet("memory", {}, assumed) },
    });
    expect(await lab.failure("pi1", "on")).toMatchObject({ code: "refused", message: "simulated outlet 1 refuses" });
    expect(lab.commands("pi1")).toEqual([]);
  });

  test("keeps its current when its control refuses, and cannot be read from then on", async () => {
    await using lab = new Lab();
    const query: typeof simulated.query = (hub, outlet, { signal }) => {
      if (lab.commands("wake").length > 0) throw FAILING;
      return hub.read(outlet, signal);
    };
    lab.hubSpec("wake", variant(lab, "wake", { query }));
    woken(lab, { plug: { initial: "halted" }, wake: { fault: "refuses" } });
    expect(await lab.failure("pi1", "on")).toMatchObject({ code: "refused", message: "simulated outlet 1 refuses" });
    expect([lab.commands("pi1"), lab.commands("wake")]).toEqual([[], ["on"]]);
  });

  test("has failed when its control refuses, though it is on as far as was ordered", async () => {
    await using lab = new Lab();
    woken(lab, { plug: { initial: "on" }, query: { kind: "one", outlet: lab.outlet("memory", {}, assumed) } });
    await lab.order("pi1", "on", { actor: ANNA });
    lab.device("wake").fault = "refuses";
    expect((await lab.failure("pi1", "on", { actor: ANNA })).code).toBe("refused");
    expect([lab.commands("pi1"), lab.commands("wake")]).toEqual([[], ["on", "on"]]);
  });

  test.each([
    ["is unknown", { state: "unknown" }],
    ["is off as far as anybody assumes", { state: "off", assumed: true }],
  ] as const)("keeps its current when it has no other way, and its state %s", async (_, answer) => {
    await using lab = new Lab();
    lab.addPlug("pi1", { initial: "on" }, { query: { kind: "one", outlet: telling(lab, "host", () => answer) } });
    expect(await lab.failure("pi1", "on")).toMatchObject({
      code: "unproven",
      message: "pi1 is fed, but nothing tells whether it runs, so its supply is left alone",
    });
    expect(lab.commands("pi1")).toEqual([]);
  });

  test("is content when it came up as its last way had failed", async () => {
    await using lab = new Lab({
      hear: (signal) => {
        if (signal.kind === "order:updated" && signal.order.steps.at(-1)?.text.includes("trying the next way"))
          lab.device("wake").byHand("on");
      },
    });
    woken(lab, { plug: { initial: "on" }, wake: { fault: "refuses" } });
    expect(await lab.order("pi1", "on")).toMatchObject({ state: "done", grade: "measured" });
    expect(lab.commands("pi1")).toEqual([]);
  });
});

describe("a machine that stays off when it is fed", () => {
  test("is woken only when its current is seen to flow", async () => {
    await using lab = new Lab();
    woken(lab, { plug: { lag: "2500ms" } });
    const order = await lab.order("pi1", "on");
    expect(deeds(order)).toEqual(["0 s command on by pi1", "3 s command on by wake"]);
  });

  test("is woken with three attempts, for there is no other way", async () => {
    await using lab = new Lab();
    woken(lab, { blind: true });
    lab.device("wake").fault = "unreachable";
    expect((await lab.failure("pi1", "on")).code).toBe("unreachable");
    expect(deeds(lastOrder(lab, "pi1"))).toEqual([
      "0 s command on by pi1",
      "0 s command on by wake",
      "0.5 s command on by wake",
      "1.5 s command on by wake",
    ]);
  });

  test("is woken too where nothing measures whether it runs", async () => {
    await using lab = new Lab();
    woken(lab, { blind: true });
    expect(await lab.order("pi1", "on")).toMatchObject({ grade: "assumed" });
    expect(lab.commands("wake")).toEqual(["on"]);
  });

  test("is not woken when it turns out to have been fed all along, and to run", async () => {
    await using lab = new Lab();
    hardOfHearing(lab, "pi1");
    hardOfHearing(lab, "wake");
    woken(lab, { plug: { initial: "on" }, wake: { initial: "on" } });
    expect(await lab.order("pi1", "on")).toMatchObject({ state: "done", grade: "measured" });
    expect([lab.commands("pi1"), lab.commands("wake")]).toEqual([["on"], []]);
  });

  test("and has no control is on when its meter says so", async () => {
    await using lab = new Lab();
    lab.addPlug("pi1", { boot: "2s" }, { afterAc: "stays_off", above: 6 });
    const order = await lab.order("pi1", "on");
    expect((order.endedAt ?? 0) - order.acceptedAt).toBe(2_000);
    expect(order.proof?.evidence).toEqual(["pi1 closed", "25 W"]);
  });
});
