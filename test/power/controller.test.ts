import { describe, expect, test } from "vitest";
import assumed from "../../src/drivers/assumed.ts";
import simulated from "../../src/drivers/simulated.ts";
import type { Driver } from "../../src/power/driver.ts";
import { PowerError } from "../../src/power/errors.ts";
import { ANNA, Lab, MAAS, RACK2 } from "./lab.ts";

describe("a machine with a controller of its own", () => {
  test("is switched on once, and proven by a reading that began after the command", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { boot: "3s" });
    const order = await lab.order("nuc1", "on");
    expect(lab.device("nuc1").running).toBe(true);
    expect(lab.commands("nuc1")).toEqual(["on"]);
    expect(order).toMatchObject({ state: "done", grade: "measured", proof: { state: "on", confidence: "measured" } });
    const command = order.steps.find((step) => step.what === "command");
    expect(order.proof?.startedAt).toBeGreaterThan(command?.at ?? Infinity);
  });

  test("is left alone when it is measured at the goal", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial: "on" });
    await lab.order("nuc1", "on");
    expect(lab.commands("nuc1")).toEqual([]);
  });

  test("is cycled once per click when the configuration asks for it", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial: "on" }, { whenAlreadyOn: "cycle" });
    await lab.order("nuc1", "on");
    await lab.order("nuc1", "on");
    expect(lab.commands("nuc1")).toEqual(["off", "on"]);
  });

  test("gets a hard off from automation, and a soft one first from people", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial: "on" });
    lab.addMachine("nuc2", { initial: "on" });
    await lab.order("nuc1", "off");
    await lab.order("nuc2", "off", { actor: ANNA });
    expect(lab.commands("nuc1")).toEqual(["off"]);
    expect(lab.commands("nuc2")).toEqual(["soft-off"]);
  });

  test("that ignores a person's soft off is switched off hard after a minute", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial: "on", fault: "hung" });
    const order = await lab.order("nuc1", "off", { actor: ANNA });
    expect(lab.commands("nuc1")).toEqual(["soft-off", "off"]);
    expect(lab.device("nuc1").running).toBe(false);
    expect((order.endedAt ?? 0) - order.acceptedAt).toBeGreaterThanOrEqual(60_000);
  });

  test("is asked softly and nothing more when a person wants it soft only", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial: "on", fault: "hung" });
    expect((await lab.failure("nuc1", "off", { actor: ANNA, how: "soft" })).code).toBe("unproven");
    expect(lab.commands("nuc1")).toEqual(["soft-off"]);
  });

  test("that takes a minute to change is waited for and commanded once", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { lag: "60s", boot: "0s" });
    const order = await lab.order("nuc1", "on");
    expect(order.grade).toBe("measured");
    expect(lab.commands("nuc1")).toEqual(["on"]);
  });

  test("that never obeys is reported unproven, after the time to verify", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { fault: "stuck" }, { verify: 30_000 });
    const before = lab.clock.now();
    const failure = await lab.failure("nuc1", "on");
    expect(failure).toMatchObject({ code: "unproven", status: 504 });
    expect(failure.message).toContain("still reads off after 30 s");
    expect(lab.clock.now() - before).toBeGreaterThanOrEqual(30_000);
    expect(lab.commands("nuc1")).toEqual(["on"]);
  });

  test("whose device lies is believed, for the controller knows only what is measured", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { fault: "lying" });
    expect((await lab.order("nuc1", "on")).grade).toBe("measured");
    expect(lab.device("nuc1").running).toBe(false);
  });

  test("whose device lied is found as it is once that has another fault", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { fault: "lying" });
    await lab.order("nuc1", "on");
    lab.device("nuc1").fault = "hung";
    await lab.wait(2_000);
    expect((await lab.run(lab.power.query("nuc1"))).state).toBe("off");
  });

  test("whose command loses its answer is found on, though the device said nothing", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { fault: "lost-answer", boot: "0s" });
    expect((await lab.order("nuc1", "on")).grade).toBe("measured");
  });

  test("that does not answer gets three attempts in all, and a clear failure", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1");
    lab.hub("nuc1").reachable = false;
    const failure = await lab.failure("nuc1", "on");
    expect(failure).toMatchObject({ code: "unreachable", status: 503, mayHaveActed: false });
    expect(lab.power.machine("nuc1").lastOrder?.steps.filter((step) => step.what === "command")).toHaveLength(3);
  });

  test("that refuses is not asked again within the click", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { fault: "refuses" });
    expect((await lab.failure("nuc1", "on")).code).toBe("refused");
    expect((await lab.failure("nuc1", "on")).code).toBe("refused");
    expect(lab.commands("nuc1")).toEqual(["on"]);
    await lab.wait(20_000);
    await lab.failure("nuc1", "on");
    expect(lab.commands("nuc1")).toEqual(["on", "on"]);
  });

  test("is reset natively when it is on, and switched on when it is off", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial: "on" });
    lab.addMachine("nuc2", {});
    expect(await lab.order("nuc1", "reset")).toMatchObject({ state: "done" });
    await lab.order("nuc2", "reset");
    expect(lab.commands("nuc1")).toEqual(["reset"]);
    expect(lab.commands("nuc2")).toEqual(["on"]);
  });
});

describe("a machine on a plug", () => {
  const metered = { above: 6 } as const;

  test("is proven on by its meter, not by its relay", async () => {
    await using lab = new Lab();
    lab.addPlug("pi1", { boot: "7s" }, metered);
    const order = await lab.order("pi1", "on");
    expect(order).toMatchObject({ grade: "measured" });
    expect(order.proof?.evidence).toEqual(["pi1 closed", "25 W"]);
    expect(lab.device("pi1").running).toBe(true);
  });

  test("without a meter is assumed on once the relay is closed", async () => {
    await using lab = new Lab();
    lab.addPlug("pi1");
    expect(await lab.order("pi1", "on")).toMatchObject({
      grade: "assumed",
      proof: { fed: true, confidence: "assumed" },
    });
    expect(await lab.run(lab.power.query("pi1"))).toMatchObject({ state: "on", confidence: "assumed" });
  });

  test("is measured off when the relay is open, whatever else says", async () => {
    await using lab = new Lab();
    lab.addPlug("pi1", { initial: "on" });
    expect(await lab.order("pi1", "off")).toMatchObject({ grade: "measured", proof: { state: "off", fed: false } });
  });

  test("that halted while fed is bounced: opened, rested, closed", async () => {
    await using lab = new Lab();
    lab.addPlug("pi1", { initial: "on" }, metered);
    lab.device("pi1").halt();
    expect(await lab.run(lab.power.query("pi1"))).toMatchObject({ state: "off", fed: true });
    const order = await lab.order("pi1", "on");
    expect(order.grade).toBe("measured");
    const [off, on] = lab.device("pi1").commands;
    expect([off?.command, on?.command]).toEqual(["off", "on"]);
    expect((on?.at ?? 0) - (off?.at ?? 0)).toBeGreaterThanOrEqual(5_000);
    expect(lab.device("pi1").running).toBe(true);
  });

  test("is never bounced while nothing tells that it is halted", async () => {
    await using lab = new Lab();
    const host = lab.outlet("host", { initial: "on", fault: "unreachable" });
    lab.addPlug("pi1", { initial: "on" }, { query: { kind: "one", outlet: host } });
    await lab.failure("pi1", "on");
    expect(lab.commands("pi1")).not.toContain("off");
    expect(lab.device("pi1").running).toBe(true);
  });

  test("is cycled as one unit with its rest in between", async () => {
    await using lab = new Lab();
    lab.addPlug("pi1", { initial: "on" }, metered);
    await lab.order("pi1", "cycle");
    const [off, on] = lab.device("pi1").commands;
    expect([off?.command, on?.command]).toEqual(["off", "on"]);
    expect((on?.at ?? 0) - (off?.at ?? 0)).toBeGreaterThanOrEqual(5_000);
  });

  test("rests between an off and the next on", async () => {
    await using lab = new Lab();
    lab.addPlug("pi1", { initial: "on" });
    await lab.order("pi1", "off");
    await lab.wait(2_000);
    await lab.order("pi1", "on");
    const [off, on] = lab.device("pi1").commands;
    expect((on?.at ?? 0) - (off?.at ?? 0)).toBe(5_000);
  });

  test("rests anew when somebody closes and opens it meanwhile", async () => {
    await using lab = new Lab();
    lab.addPlug("pi1", { initial: "on" }, { fresh: 0 });
    await lab.order("pi1", "off");
    const { done } = lab.power.order({ machine: "pi1", verb: "on", actor: ANNA });
    await lab.wait(3_000);
    for (const action of ["on", "off"] as const) {
      lab.device("pi1").byHand(action);
      await lab.wait(100);
      await lab.run(lab.power.query("pi1"));
    }
    const openedAt = lab.clock.now();
    await lab.run(done);
    expect((lab.device("pi1").commands[1]?.at ?? 0) - openedAt).toBe(5_000);
  });

  test("is not cut while its own way to stop works, and cut when it does not", async () => {
    await using lab = new Lab();
    for (const name of ["good", "hung"]) {
      const control = lab.outlet(`${name}-os`, { initial: "on", ...(name === "hung" && { fault: "hung" }) });
      lab.addPlug(
        name,
        { initial: "on" },
        {
          query: { kind: "one", outlet: control },
          stages: { on: [], off: [{ outlet: control, how: "soft", wait: 60_000 }], cycle: [], reset: [] },
        },
      );
    }
    await lab.order("good", "off");
    expect(lab.commands("good")).toEqual([]);
    const order = await lab.order("hung", "off");
    expect(lab.commands("hung")).toEqual(["off"]);
    expect(order.proof?.fed).toBe(false);
  });

  test("is cut as well after a clean stop with cut: always, and never with cut: never", async () => {
    await using lab = new Lab();
    for (const cut of ["always", "never"] as const) {
      const control = lab.outlet(`${cut}-os`, { initial: "on", ...(cut === "never" && { fault: "hung" }) });
      lab.addPlug(
        cut,
        { initial: "on" },
        {
          cut,
          query: { kind: "one", outlet: control },
          stages: { on: [], off: [{ outlet: control, how: "soft", wait: 60_000 }], cycle: [], reset: [] },
        },
      );
    }
    await lab.order("always", "off");
    expect(lab.commands("always")).toEqual(["off"]);
    expect((await lab.failure("never", "off")).code).toBe("unproven");
    expect(lab.commands("never")).toEqual([]);
  });

  test("that stays off after its supply returns is also started by its control", async () => {
    await using lab = new Lab();
    const wake = lab.outlet("pi1-wake", { boot: "1s" });
    lab.addPlug(
      "pi1",
      { restores: false },
      {
        afterAc: "stays_off",
        query: { kind: "one", outlet: wake },
        stages: { on: [{ outlet: wake, wait: 60_000 }], off: [], cycle: [], reset: [] },
      },
    );
    await lab.order("pi1", "on");
    expect(lab.commands("pi1")).toEqual(["on"]);
    expect(lab.commands("pi1-wake")).toEqual(["on"]);
  });
});

describe("an order", () => {
  test("is joined by the same verb of anybody, and the device is commanded once", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1");
    const tickets = [MAAS, RACK2, ANNA, MAAS].map((actor) => lab.power.order({ machine: "nuc1", verb: "on", actor }));
    await lab.run(Promise.all(tickets.map((ticket) => ticket.done)));
    expect(lab.commands("nuc1")).toEqual(["on"]);
    expect(tickets[0]?.order).toMatchObject({ repeats: 1, joined: [RACK2, ANNA] });
  });

  test("to switch on joins a cycle that is under way", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial: "on" });
    const cycle = lab.power.order({ machine: "nuc1", verb: "cycle", actor: ANNA });
    expect(lab.power.order({ machine: "nuc1", verb: "on", actor: MAAS }).order).toBe(cycle.order);
    await lab.run(cycle.done);
    expect(lab.commands("nuc1").at(-1)).toBe("on");
  });

  test("is journalled before anything is commanded", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1");
    const { done } = lab.power.order({ machine: "nuc1", verb: "on", actor: MAAS });
    expect(lab.notebook.lines).toEqual(["accept on nuc1"]);
    expect(lab.commands("nuc1")).toEqual([]);
    await lab.run(done);
    expect(lab.notebook.lines).toEqual(["accept on nuc1", "done on nuc1"]);
  });

  test("that could be kept tells of no failure to keep it", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1");
    await lab.order("nuc1", "on");
    expect(lab.signals.map(({ kind }) => kind)).not.toContain("journal:failed");
  });

  test("runs marked as unjournalled when the journal cannot be written", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1");
    lab.notebook.broken = true;
    expect(await lab.order("nuc1", "on")).toMatchObject({ state: "done", unjournalled: true });
    expect(lab.signals.some((signal) => signal.kind === "journal:failed")).toBe(true);
  });

  test("can be cancelled, and its callers hear by whom", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { fault: "stuck" });
    const { order, done } = lab.power.order({ machine: "nuc1", verb: "on", actor: MAAS });
    await lab.wait(3_000);
    lab.power.cancel(order.id, ANNA);
    await expect(lab.run(done)).rejects.toMatchObject({ code: "superseded", message: "cancelled by anna" });
    expect(order.state).toBe("superseded");
  });

  test("for a protected machine is refused to those it is protected from", async () => {
    await using lab = new Lab();
    lab.addMachine("people", { initial: "on" }, { protect: "people" });
    lab.addMachine("all", { initial: "on" }, { protect: "all" });
    expect((await lab.failure("people", "off", { actor: ANNA })).code).toBe("protected");
    await lab.order("people", "off", { actor: MAAS });
    expect((await lab.failure("all", "cycle", { actor: MAAS })).code).toBe("protected");
    expect(await lab.order("all", "off", { actor: ANNA, force: true })).toMatchObject({ forced: true, state: "done" });
  });

  test("for a disabled machine, or a verb it has no way for, is refused", async () => {
    await using lab = new Lab();
    lab.addMachine("gone", {}, { enabled: false });
    const wake = lab.outlet("wake");
    lab.add("wake", { stages: { on: [{ outlet: wake, wait: 1_000 }], off: [], cycle: [], reset: [] } });
    expect((await lab.failure("gone", "on")).code).toBe("disabled");
    expect((await lab.failure("wake", "off")).code).toBe("unsupported");
  });
});

describe("one click of MAAS", () => {
  test("after an unproven order reads, and hears of success when the goal shows late", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { lag: "130s", boot: "0s" });
    expect((await lab.failure("nuc1", "on")).code).toBe("unproven");
    expect((await lab.failure("nuc1", "on")).code).toBe("unproven");
    await lab.wait(10_000);
    expect((await lab.order("nuc1", "on")).machine).toBe("nuc1");
    expect(lab.commands("nuc1")).toEqual(["on"]);
  });

  test("is over 20 s after its last answer; then the device is commanded again", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { fault: "stuck" });
    await lab.failure("nuc1", "on");
    await lab.wait(20_000);
    await lab.failure("nuc1", "on");
    expect(lab.commands("nuc1")).toEqual(["on", "on"]);
  });

  test("that failed without acting is tried afresh at the next repeat", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1");
    lab.hub("nuc1").reachable = false;
    await lab.failure("nuc1", "on");
    lab.hub("nuc1").reachable = true;
    expect((await lab.order("nuc1", "on")).state).toBe("done");
  });

  test("never switches on what a person has switched off meanwhile", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1");
    await lab.order("nuc1", "on");
    await lab.order("nuc1", "off", { actor: ANNA });
    expect((await lab.failure("nuc1", "on")).code).toBe("superseded");
    expect(lab.device("nuc1").running).toBe(false);
  });

  test("of a person is always a new order", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { fault: "stuck" });
    await lab.failure("nuc1", "on", { actor: ANNA });
    await lab.failure("nuc1", "on", { actor: ANNA });
    expect(lab.commands("nuc1")).toEqual(["on", "on"]);
  });
});

describe("a query", () => {
  test("is served from a fresh reading, shared while it is measured, and void after a command", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1");
    const [first, second] = await lab.run(Promise.all([lab.power.query("nuc1"), lab.power.query("nuc1")]));
    expect(second).toBe(first);
    expect(await lab.run(lab.power.query("nuc1"))).toBe(first);
    await lab.order("nuc1", "on");
    expect(await lab.run(lab.power.query("nuc1"))).toMatchObject({ state: "on" });
    await lab.wait(1_001);
    expect(lab.power.freshReading("nuc1")).toBeUndefined();
  });

  test("during an order answers the reading, never the goal", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { boot: "30s" });
    const { done } = lab.power.order({ machine: "nuc1", verb: "on", actor: MAAS });
    await lab.wait(5_000);
    expect(await lab.run(lab.power.query("nuc1"))).toMatchObject({ state: "off" });
    await lab.run(done);
    expect(await lab.run(lab.power.query("nuc1"))).toMatchObject({ state: "on" });
  });

  test("of a device that does not answer is a failure, not off", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { fault: "unreachable" });
    await expect(lab.run(lab.power.query("nuc1"))).rejects.toMatchObject({ code: "unreachable" });
    expect(lab.signals.filter((signal) => signal.kind === "hub:failing")).toHaveLength(1);
  });

  test("of a machine that nothing measures tells what was ordered, marked as assumed", async () => {
    await using lab = new Lab();
    const wake = lab.outlet("wake");
    lab.add("blind", {
      stages: { on: [{ outlet: wake, wait: 1_000 }], off: [], cycle: [], reset: [] },
      query: { kind: "one", outlet: lab.outlet("memory", {}, assumed) },
    });
    expect(await lab.run(lab.power.query("blind"))).toMatchObject({ state: "unknown" });
    expect(await lab.order("blind", "on")).toMatchObject({ grade: "assumed" });
    expect(await lab.run(lab.power.query("blind"))).toMatchObject({ state: "on", confidence: "assumed" });
  });
});

describe("a hub", () => {
  test("that refused to be opened is opened again for the next exchange", async () => {
    await using lab = new Lab();
    let attempts = 0;
    // Who listens opens it as well.
    const { watch: _, ...quiet } = simulated;
    const driver: Driver = {
      ...quiet,
      name: "moody",
      connect: (hub, ctx) => {
        attempts += 1;
        if (attempts === 1) throw new PowerError("busy", "all sessions are taken");
        return simulated.connect?.(hub, ctx);
      },
    };
    lab.add("nuc1", { query: { kind: "one", outlet: lab.outlet("moody", {}, driver) } });
    await expect(lab.run(lab.power.query("nuc1"))).rejects.toMatchObject({ code: "busy" });
    expect(await lab.run(lab.power.query("nuc1"))).toMatchObject({ state: "off" });
  });
});

describe("a button", () => {
  test("is pressed once, and only on a measured opposite reading", async () => {
    await using lab = new Lab();
    const button = lab.outlet("desk", { kind: "button" });
    const stage = { outlet: button, wait: 60_000 };
    lab.add("desk", {
      query: { kind: "one", outlet: button },
      stages: { on: [stage], off: [stage], cycle: [], reset: [] },
    });
    lab.add("blind", {
      stages: { on: [{ outlet: lab.outlet("blind", { kind: "button" }), wait: 1_000 }], off: [], cycle: [], reset: [] },
    });
    await lab.order("desk", "on");
    await lab.order("desk", "on");
    expect(lab.commands("desk")).toEqual(["on"]);
    expect((await lab.failure("blind", "on")).code).toBe("refused");
    expect(lab.commands("blind")).toEqual([]);
  });
});
