import { describe, expect, test } from "vitest";
import simulated from "../../src/drivers/simulated.ts";
import { PowerError } from "../../src/power/errors.ts";
import type { MachineSpec } from "../../src/power/spec.ts";
import { ANNA, Lab, MAAS } from "./lab.ts";
import { deeds, lastOrder, readTimes, story, variant } from "./scripted.ts";
import { toldOutlet } from "./told-outlet.ts";

/** A server with two power supplies. */
function server(lab: Lab, settings: Record<string, unknown> = {}, more: Partial<MachineSpec> = {}) {
  const supplies = ["left", "right"].map((hub) => ({
    outlet: lab.outlet(hub, { kind: "plug", boot: "0s", ...settings }),
  }));
  lab.add("server", { supplies, minOff: 0, verify: 4_000, ...more });
  return { left: lab.deviceAt("left", "1"), right: lab.deviceAt("right", "1") };
}

describe("a supply of several outlets", () => {
  test("is commanded all at once", async () => {
    await using lab = new Lab();
    server(lab);
    expect(deeds(await lab.order("server", "on"))).toEqual(["0 s command on by left", "0 s command on by right"]);
    expect(deeds(await lab.order("server", "off"))).toEqual([
      "0 s command off (hard) by left",
      "0 s command off (hard) by right",
    ]);
  });

  test("runs without the one that did not obey, and names it with its reason", async () => {
    await using lab = new Lab();
    const { right } = server(lab);
    right.fault = "unreachable";
    const order = await lab.order("server", "on");
    expect(order.degraded).toEqual(["right (simulated outlet 1 does not answer)"]);
    expect(deeds(order).at(-1)).toBe("1.5 s note it runs without right (simulated outlet 1 does not answer)");
  });

  test("names the right reason for each of those that did not obey", async () => {
    await using lab = new Lab();
    const supplies = ["a", "b", "c", "d"].map((hub) => ({ outlet: lab.outlet(hub, { kind: "plug", boot: "0s" }) }));
    lab.add("server", { supplies, verify: 4_000 });
    for (const [hub, fault] of [
      ["b", "refuses"],
      ["c", "unreachable"],
      ["d", "stuck"],
    ] as const)
      lab.deviceAt(hub, "1").fault = fault;
    expect((await lab.order("server", "on")).degraded).toEqual([
      "b (simulated outlet 1 refuses)",
      "c (simulated outlet 1 does not answer)",
      "d (still open)",
    ]);
  });

  test("calls the one that obeyed and cannot be read unreadable", async () => {
    await using lab = new Lab();
    const query = () => Promise.reject(new PowerError("protocol", "what?"));
    lab.hubSpec("right", variant(lab, "right", { query }));
    server(lab);
    expect((await lab.order("server", "on")).degraded).toEqual(["right (unreadable)"]);
  });

  test("is not closed when none of them obeyed", async () => {
    await using lab = new Lab();
    const { left, right } = server(lab);
    left.fault = "refuses";
    right.fault = "refuses";
    expect(await lab.failure("server", "on")).toMatchObject({
      code: "refused",
      message: "simulated outlet 1 refuses",
      mayHaveActed: false,
    });
    const { acceptedAt, endedAt } = lastOrder(lab, "server");
    expect(endedAt).toBe(acceptedAt);
  });

  test("is not opened when one of them refused, and may have lost the other", async () => {
    await using lab = new Lab();
    const { left, right } = server(lab, { initial: "on" });
    left.fault = "refuses";
    expect(await lab.failure("server", "off")).toMatchObject({ code: "refused", mayHaveActed: true });
    expect(lastOrder(lab, "server").error?.mayHaveActed).toBe(true);
    expect([left.fed, right.fed]).toEqual([true, false]);
  });

  test("is read only when each of them has settled, and the machine as well", async () => {
    await using lab = new Lab();
    lab.hubSpec("left", simulated, { settle: 500 });
    lab.hubSpec("right", simulated, { settle: 3_000 });
    server(lab, { initial: "on" });
    expect(readTimes(await lab.order("server", "off"))).toEqual([0, 3]);
  });

  test("settles as long as the machine says, where that is longer", async () => {
    await using lab = new Lab();
    lab.hubSpec("right", simulated, { settle: 1_000 });
    server(lab, { initial: "on" }, { settle: 2_500 });
    expect(readTimes(await lab.order("server", "off"))).toEqual([0, 2.5]);
  });
});

describe("a command to a supply that fails", () => {
  test("is sent three times, for there is no other way", async () => {
    await using lab = new Lab();
    lab.addPlug("pi1", { initial: "on" });
    lab.device("pi1").fault = "unreachable";
    expect((await lab.failure("pi1", "off")).code).toBe("unreachable");
    expect(deeds(lastOrder(lab, "pi1"))).toEqual([0, 0.5, 1.5].map((at) => `${at} s command off (hard) by pi1`));
  });

  test("is good enough when one read shows that it closed", async () => {
    await using lab = new Lab();
    lab.addPlug("pi1", { fault: "lost-answer", boot: "0s" }, { above: 6 });
    expect(await lab.order("pi1", "on")).toMatchObject({ state: "done", grade: "measured" });
    expect(lab.device("pi1").fed).toBe(true);
  });

  test("is good enough when one read shows that it closed, though the machine is still to start", async () => {
    await using lab = new Lab();
    lab.addPlug("pi1", { fault: "lost-answer", boot: "3s" }, { above: 6 });
    const order = await lab.order("pi1", "on");
    expect(order).toMatchObject({ state: "done", grade: "measured" });
    expect((order.endedAt ?? 0) - order.acceptedAt).toBeGreaterThanOrEqual(3_000);
  });

  test("is good enough when one read shows that it opened", async () => {
    await using lab = new Lab();
    lab.addPlug("pi1", { fault: "lost-answer", initial: "on" });
    expect(await lab.order("pi1", "off")).toMatchObject({ state: "done", proof: { fed: false } });
  });

  test("is good enough when one read shows that it opened, and an earlier one to close it is over by then", async () => {
    await using lab = new Lab({ slow: true });
    let sent = 0;
    const answers = async () => {
      await lab.clock.sleep(100);
      return "off" as const;
    };
    const obeys = async () => {
      sent += 1;
      if (sent > 1) throw new PowerError("timeout", "the answer was lost", { mayHaveActed: true });
    };
    lab.add("pi1", {
      supplies: [{ outlet: toldOutlet(lab, "plug", { answers, obeys, repeatable: false }) }],
      verify: 4_000,
    });
    lab.power.order({ machine: "pi1", verb: "on", actor: MAAS });
    // The on was sent at 100 ms; the read after the off begins 50 ms before its time is over, and ends 50 ms after.
    await lab.wait(3_950);
    const off = await lab.order("pi1", "off", { actor: ANNA });
    expect(off).toMatchObject({ state: "done", proof: { fed: false } });
    expect(readTimes(off)).toEqual([0, 0.1, 0.2]);
  });

  test.each([
    ["on", "off"],
    ["off", "on"],
  ] as const)("leaves its failure when one read shows that it was not switched %s", async (verb, initial) => {
    await using lab = new Lab();
    lab.addPlug("pi1", { fault: "refuses", initial });
    expect((await lab.failure("pi1", verb)).code).toBe("refused");
    const order = lastOrder(lab, "pi1");
    expect(story(order)).toHaveLength(3);
    expect(order.endedAt).toBe(order.acceptedAt);
  });

  test("leaves its failure when it is open, but about to close by an earlier command", async () => {
    await using lab = new Lab();
    lab.addPlug("pi1", { lag: "8s" });
    lab.power.order({ machine: "pi1", verb: "on", actor: MAAS });
    await lab.wait(2_000);
    lab.device("pi1").fault = "refuses";
    expect((await lab.failure("pi1", "off", { actor: ANNA })).code).toBe("refused");
    const { acceptedAt, endedAt } = lastOrder(lab, "pi1");
    expect(endedAt).toBe(acceptedAt);
  });
});

describe("a command to a supply that obeys nobody", () => {
  test("leaves off unproven, and says so", async () => {
    await using lab = new Lab();
    lab.addPlug("pi1", { fault: "stuck", initial: "on" }, { verify: 4_000 });
    expect(await lab.failure("pi1", "off")).toMatchObject({
      code: "unproven",
      message: "pi1 still reads on after 4 s (pi1 closed), not off",
    });
  });
});

describe("a command to one outlet of a supply", () => {
  test("is repeated though the machine was measured on meanwhile", async () => {
    await using lab = new Lab();
    const failures = [new PowerError("busy", "not now")];
    const driver = variant(lab, "right", {
      on: async (hub, outlet, { signal }) => {
        const failure = failures.shift();
        if (failure) throw failure;
        await hub.command(outlet, "on", signal);
      },
    });
    lab.hubSpec("right", driver);
    const { left, right } = server(lab, {}, { fresh: 0, above: 6 });
    const { done } = lab.power.order({ machine: "server", verb: "on", actor: MAAS });
    await lab.wait(200);
    expect(await lab.run(lab.power.query("server"))).toMatchObject({ state: "on", confidence: "measured" });
    await lab.run(done);
    expect([left.fed, right.fed]).toEqual([true, true]);
  });

  test("that opens it is not proven while an earlier one may still close it", async () => {
    await using lab = new Lab();
    lab.addPlug("pi1", { lag: "8s" });
    lab.power.order({ machine: "pi1", verb: "on", actor: MAAS });
    await lab.wait(2_000);
    const off = await lab.order("pi1", "off", { actor: ANNA });
    expect(readTimes(off).at(-1)).toBe(8);
    expect(off.proof).toMatchObject({ state: "off", fed: false });
  });
});

describe("a supply that rests", () => {
  test("says for how long, and how much of that is left", async () => {
    await using lab = new Lab();
    lab.addPlug("pi1", { initial: "on" }, { minOff: 7_500 });
    await lab.order("pi1", "off");
    await lab.wait(2_000);
    const order = await lab.order("pi1", "on");
    expect(order.steps.filter(({ what }) => what === "rest")).toEqual([
      { at: order.acceptedAt, what: "rest", text: "supply stays open until 7.5 s are over", durationMs: 5_500 },
    ]);
    expect(deeds(order).at(-1)).toBe("5.5 s command on by pi1");
  });

  test.each([
    [4_999, 1],
    [5_000, 0],
    [5_001, 0],
  ])("has %i ms after it was opened still %i to rest", async (ms, left) => {
    await using lab = new Lab();
    lab.addPlug("pi1", { initial: "on" });
    await lab.order("pi1", "off");
    await lab.wait(ms);
    const order = await lab.order("pi1", "on");
    expect(order.steps.flatMap(({ what, durationMs }) => (what === "rest" ? [durationMs] : []))).toEqual(
      left > 0 ? [left] : [],
    );
    const [off, on] = lab.device("pi1").commands;
    expect((on?.at ?? 0) - (off?.at ?? 0)).toBe(ms + left);
  });

  test("does so as well when nothing but the command tells that it was opened", async () => {
    await using lab = new Lab();
    const sent: number[] = [];
    const obeys = async () => void sent.push(lab.clock.now());
    const answers = () => {
      throw new PowerError("protocol", "what?");
    };
    const outlet = toldOutlet(lab, "plug", { answers, obeys });
    lab.add("pi1", { supplies: [{ outlet }], minOff: 10_000, verify: 2_000 });
    expect((await lab.failure("pi1", "off", { actor: ANNA })).code).toBe("unproven");
    expect((await lab.failure("pi1", "on", { actor: ANNA })).code).toBe("unproven");
    const [off = 0, ...later] = sent;
    expect(later.map((at) => at - off)).toEqual([10_000]);
  });

  test("does not when nobody knows that it was ever opened", async () => {
    await using lab = new Lab();
    lab.addPlug("pi1", { fault: "frozen" }, { minOff: 60_000, verify: 2_000 });
    lab.device("pi1").fault = undefined;
    const order = await lab.order("pi1", "on");
    expect(deeds(order)).toEqual(["0 s command on by pi1"]);
  });
});

describe("limits on starts", () => {
  test("are told once as a step, and each anew as what the order waits for", async () => {
    await using lab = new Lab();
    lab.limits.push({ label: "tag rack", tag: "rack", starting: 2, pause: 3_000 });
    for (const name of ["a", "b", "c"]) lab.addMachine(name, { boot: "0s", lag: "4s" }, { tags: ["rack"] });
    const [, , last] = ["a", "b", "c"].map((machine) => lab.power.order({ machine, verb: "on", actor: MAAS }));
    if (!last) throw new Error("there are three");
    await lab.wait(1_000);
    expect(last.order.waitingFor).toBe("3 s between starts of tag rack");
    await lab.wait(2_500);
    expect(last.order.waitingFor).toBe("2 of 2 machines of tag rack are starting");
    await lab.run(last.done);
    expect(last.order).not.toHaveProperty("waitingFor");
    expect(deeds(last.order)).toEqual([
      "0 s wait its turn to start: 3 s between starts of tag rack",
      "6 s command on by c",
    ]);
  });

  test("hold for the machines on a hub, by whichever of their outlets that is", async () => {
    await using lab = new Lab();
    lab.limits.push({ label: "hub strip", hub: "strip", starting: 1, pause: 10_000 });
    for (const name of ["a", "b"]) {
      const outlet = lab.outlet(name, { boot: "0s" });
      lab.add(name, {
        supplies: [{ outlet: lab.outlet("strip", { kind: "plug", outlet: name, initial: "halted" }) }],
        query: { kind: "one", outlet },
        stages: { on: [{ outlet, wait: 60_000 }], off: [], cycle: [], reset: [] },
      });
    }
    const tickets = ["a", "b"].map((machine) => lab.power.order({ machine, verb: "on", actor: MAAS }));
    await lab.run(Promise.all(tickets.map(({ done }) => done)));
    expect((lab.device("b").commands[0]?.at ?? 0) - (lab.device("a").commands[0]?.at ?? 0)).toBe(10_000);
  });

  test("give an order one turn, however often it starts the machine", async () => {
    await using lab = new Lab();
    lab.limits.push({ label: "tag rack", tag: "rack", starting: 1, pause: 60_000 });
    const outlet = lab.outlet("wake", { boot: "0s" });
    lab.addPlug(
      "pi1",
      {},
      {
        tags: ["rack"],
        afterAc: "stays_off",
        query: { kind: "one", outlet },
        stages: { on: [{ outlet, wait: 4_000 }], off: [], cycle: [], reset: [] },
      },
    );
    const order = await lab.order("pi1", "on");
    expect(deeds(order)).toEqual(["0 s command on by pi1", "0 s command on by wake"]);
  });
});

describe("a supply that was seen closed, while what tells of the machine could not be read", () => {
  test("is known to be closed: an on of it is over, and cannot come yet", async () => {
    await using lab = new Lab();
    const bmc = lab.outlet("bmc", { fault: "unreachable" });
    lab.add("host", {
      supplies: [{ outlet: lab.outlet("strip", { kind: "plug" }) }],
      query: { kind: "one", outlet: bmc },
      stages: { on: [], off: [{ outlet: bmc, wait: 10_000, how: "soft" }], cycle: [], reset: [] },
      verify: 60_000,
    });
    const on = lab.power.order({ machine: "host", verb: "on", actor: ANNA });
    await lab.wait(5_000);
    expect(lab.device("strip").fed).toBe(true);
    expect(lab.notebook.get("host").fed).toBe(true);
    expect(lab.notebook.get("host").clouds?.map(({ of }) => of)).toEqual(["machine"]);
    await expect(lab.run(on.done)).rejects.toMatchObject({ code: "unproven" });
  });
});
