import { describe, expect, test } from "vitest";
import type { Verb } from "../../src/power/driver.ts";
import type { Actor } from "../../src/power/order.ts";
import { ANNA, BERT, Lab, MAAS, RACK2 } from "./lab.ts";

function give(lab: Lab, verb: Verb, actor: Actor = MAAS, more: { readonly how?: "soft" | "hard" } = {}) {
  return lab.power.order({ machine: "nuc1", verb, actor, ...more });
}

describe("an opposite order", () => {
  test("takes the place of the one under way, whose callers hear by whom", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { boot: "30s" });
    const on = give(lab, "on");
    await lab.wait(5_000);
    const off = give(lab, "off", ANNA);
    await expect(lab.run(on.done)).rejects.toMatchObject({ code: "superseded", status: 409 });
    expect(on.order.error?.message).toContain("off by anna");
    expect(await lab.run(off.done)).toMatchObject({ state: "done", grade: "measured" });
    expect(on.order.state).toBe("superseded");
    expect(lab.device("nuc1").running).toBe(false);
  });

  test("waits for the end of the other, and says so", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { boot: "3s" });
    give(lab, "on");
    const off = give(lab, "off", ANNA);
    expect(off.order).toMatchObject({ state: "waiting", waitingFor: "the end of on by maas" });
    await lab.run(off.done);
    expect(off.order).not.toHaveProperty("waitingFor");
  });

  test("is not lost when on, off and on come at once: the last one counts", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { boot: "2s" });
    const first = give(lab, "on");
    const second = give(lab, "off");
    const last = give(lab, "on");
    await expect(lab.run(first.done)).rejects.toMatchObject({ code: "superseded" });
    await expect(lab.run(second.done)).rejects.toMatchObject({ code: "superseded" });
    expect(await lab.run(last.done)).toMatchObject({ state: "done", verb: "on" });
    expect(lab.device("nuc1").running).toBe(true);
    expect(lab.commands("nuc1")).toEqual(["on"]);
  });

  test("of the same actor ends its own earlier click: a third wish is a new one", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { boot: "1s" });
    await lab.order("nuc1", "on");
    await lab.order("nuc1", "off");
    await lab.order("nuc1", "on");
    expect(lab.commands("nuc1")).toEqual(["on", "off", "on"]);
  });

  test("of a person stays won for the click of automation, however often that repeats", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { boot: "30s" });
    const on = give(lab, "on");
    await lab.wait(2_000);
    const off = give(lab, "off", ANNA);
    await expect(lab.run(on.done)).rejects.toMatchObject({ code: "superseded" });
    for (let repeat = 0; repeat < 20; repeat++) {
      expect((await lab.failure("nuc1", "on")).code).toBe("superseded");
      await lab.wait(10_000);
    }
    expect(off.order.state).toBe("done");
    expect(lab.commands("nuc1").filter((command) => command === "on")).toHaveLength(1);
    await lab.wait(20_000);
    expect((await lab.order("nuc1", "on")).state).toBe("done");
  });

  test("of a person who changes back lets automation hear of the success", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { boot: "5s" });
    const on = give(lab, "on");
    await lab.wait(1_000);
    const off = give(lab, "off", ANNA);
    await lab.wait(500);
    const again = give(lab, "on", ANNA);
    await lab.run(again.done);
    await expect(lab.run(off.done)).rejects.toMatchObject({ code: "superseded" });
    await expect(lab.run(on.done)).rejects.toMatchObject({ code: "superseded" });
    expect((await lab.order("nuc1", "on")).state).toBe("done");
  });

  test("never cuts an exchange short: a command on its way is finished before the next is sent", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { boot: "0s" });
    const on = give(lab, "on");
    lab.hub("nuc1").latency = 60;
    while (!on.order.steps.some((step) => step.what === "read")) await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setTimeout(resolve, 20));
    const off = give(lab, "off", ANNA);
    await lab.run(off.done);
    await expect(lab.run(on.done)).rejects.toMatchObject({ code: "superseded" });
    expect(lab.commands("nuc1")[0]).toBe("on");
    expect(lab.commands("nuc1").at(-1)).toMatch(/off/);
    expect(lab.device("nuc1").running).toBe(false);
  });

  test("that waits in a busy lane is taken back without ever being sent", async () => {
    await using lab = new Lab();
    const hub = lab.hubSpec("strip");
    const outlet = (name: string) => ({ hub, settings: hub.driver.outlet.parse({ outlet: name }), label: name });
    for (const name of ["nuc1", "nuc2"]) {
      const stage = { outlet: outlet(name), wait: 60_000 };
      lab.add(name, {
        query: { kind: "one", outlet: stage.outlet },
        stages: { on: [stage], off: [stage], cycle: [], reset: [] },
      });
    }
    lab.hub("strip").latency = 40;
    const busy = lab.power.order({ machine: "nuc2", verb: "on", actor: MAAS });
    const on = give(lab, "on");
    const off = give(lab, "off", ANNA);
    await lab.run(Promise.allSettled([busy.done, on.done, off.done]));
    expect(lab.hub("strip").outlet("nuc1")?.commands).toEqual([]);
  });
});

describe("a cycle or reset over a standing on", () => {
  test("answers those who wait for the on", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { boot: "10s" });
    const on = give(lab, "on");
    await lab.wait(1_000);
    const cycle = give(lab, "cycle", ANNA);
    expect(await lab.run(on.done)).toBe(await lab.run(cycle.done));
    expect(on.order.state).toBe("superseded");
    expect(cycle.order.state).toBe("done");
    expect(lab.device("nuc1").running).toBe(true);
  });

  test("is joined by another on", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial: "on" });
    const cycle = give(lab, "cycle", ANNA);
    expect(give(lab, "on").order).toBe(cycle.order);
    await lab.run(cycle.done);
  });

  test("is itself superseded by an off", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial: "on", boot: "20s" });
    const cycle = give(lab, "cycle", ANNA);
    await lab.wait(5_000);
    const off = give(lab, "off", BERT);
    await expect(lab.run(cycle.done)).rejects.toMatchObject({ code: "superseded" });
    await lab.run(off.done);
    expect(lab.device("nuc1").running).toBe(false);
  });
});

describe("a hard off", () => {
  test("does not wait for the soft one that stands", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial: "on", fault: "hung" });
    const soft = give(lab, "off", ANNA);
    await lab.wait(5_000);
    const hard = give(lab, "off", ANNA, { how: "hard" });
    await lab.run(hard.done);
    await expect(lab.run(soft.done)).rejects.toMatchObject({ code: "superseded" });
    expect((hard.order.endedAt ?? Infinity) - hard.order.acceptedAt).toBeLessThan(10_000);
    expect(lab.commands("nuc1")).toEqual(["soft-off", "off"]);
  });
});

describe("clouds", () => {
  test("keep an on from being fooled by a host that still answers while it shuts down", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial: "on", shutdown: "20s", boot: "5s" });
    give(lab, "off", ANNA, { how: "soft" });
    await lab.wait(3_000);
    expect(lab.device("nuc1").running).toBe(true);
    const on = await lab.order("nuc1", "on");
    expect(lab.commands("nuc1")).toEqual(["soft-off", "on"]);
    expect(on.proof?.startedAt).toBeGreaterThan(on.acceptedAt + 17_000);
    expect(lab.device("nuc1").running).toBe(true);
  });

  test("keep an off from being content with a machine that is about to come on", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { lag: "8s", boot: "0s" });
    give(lab, "on");
    await lab.wait(2_000);
    await lab.order("nuc1", "off", { actor: ANNA });
    expect(lab.device("nuc1").running).toBe(false);
    await lab.wait(300_000);
    expect(lab.device("nuc1").running).toBe(false);
  });

  test("of a plug that closes late outlast its open reading", async () => {
    await using lab = new Lab();
    lab.addPlug("nuc1", { lag: "8s", boot: "1s" });
    give(lab, "on");
    await lab.wait(2_000);
    const off = await lab.order("nuc1", "off", { actor: ANNA });
    expect(off.proof?.fed).toBe(false);
    await lab.wait(300_000);
    expect(lab.device("nuc1").fed).toBe(false);
  });

  test("survive a crash", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial: "on", shutdown: "20s", boot: "5s" });
    give(lab, "off", ANNA, { how: "soft" });
    await lab.wait(3_000);
    lab.crash();
    const on = await lab.order("nuc1", "on", { actor: RACK2 });
    expect(lab.commands("nuc1")).toEqual(["soft-off", "on"]);
    expect(on.state).toBe("done");
    expect(lab.device("nuc1").running).toBe(true);
  });
});

describe("after a crash", () => {
  test("a cycle whose off is behind it is completed", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial: "on", boot: "5s" });
    const cycle = give(lab, "cycle", RACK2);
    await lab.wait(1_500);
    expect(cycle.order.turned).toBe(true);
    lab.crash();
    const [completing] = lab.power.orders();
    expect(completing).toMatchObject({ verb: "on", completes: cycle.order.id, actor: { name: "rack2" } });
    await lab.wait(60_000);
    expect(lab.device("nuc1").running).toBe(true);
  });

  test("a cycle older than ten minutes is not", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial: "on", boot: "5s" });
    give(lab, "cycle", RACK2);
    await lab.wait(1_500);
    lab.crash();
    await lab.clock.run(lab.clock.sleep(601_000));
    expect(lab.power.orders()).toEqual([]);
  });

  test("an on or off is not gone on with", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { boot: "60s" });
    give(lab, "on");
    await lab.wait(2_000);
    lab.crash();
    expect(lab.power.orders()).toEqual([]);
  });
});
