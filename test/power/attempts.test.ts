import { describe, expect, test } from "vitest";
import type { Found } from "../../src/power/address.ts";
import { PowerController } from "../../src/power/controller.ts";
import { PowerError } from "../../src/power/errors.ts";
import { ANNA, Lab, MAAS, RACK2 } from "./lab.ts";
import { deeds, lastOrder, story, telling, variant } from "./scripted.ts";
import { toldOutlet } from "./told-outlet.ts";

/** A command that fails as often as is said before it is passed on. */
function moody(lab: Lab, failures: PowerError[], more: { readonly repeatable?: false } = {}) {
  const sent: number[] = [];
  const driver = variant(lab, "nuc1", {
    ...more,
    on: async (hub, outlet, { signal }) => {
      sent.push(lab.clock.now());
      const failure = failures.shift();
      if (failure) throw failure;
      await hub.command(outlet, "on", signal);
    },
  });
  lab.hubSpec("nuc1", driver);
  return { sent, gaps: () => sent.slice(1).map((at, index) => at - (sent[index] ?? 0)) };
}

describe("a command that fails", () => {
  const cannotHaveActed = (code: "unreachable" | "busy" | "timeout" | "refused" | "protocol") =>
    new PowerError(code, "not now");

  test.each(["unreachable", "busy", "timeout"] as const)(
    "with %s is repeated after 0.5 s and after 1 s",
    async (code) => {
      await using lab = new Lab();
      const { sent, gaps } = moody(lab, [cannotHaveActed(code), cannotHaveActed(code)]);
      lab.addMachine("nuc1", { boot: "0s" });
      expect((await lab.order("nuc1", "on")).state).toBe("done");
      expect(sent).toHaveLength(3);
      expect(gaps()).toEqual([500, 1_000]);
    },
  );

  test("is repeated twice at most", async () => {
    await using lab = new Lab();
    const { gaps } = moody(
      lab,
      Array.from({ length: 4 }, () => cannotHaveActed("busy")),
    );
    lab.addMachine("nuc1");
    expect(await lab.failure("nuc1", "on")).toMatchObject({ code: "busy", message: "not now", mayHaveActed: false });
    expect(gaps()).toEqual([500, 1_000]);
    expect(lastOrder(lab, "nuc1").steps.filter(({ what }) => what === "command")).toEqual(
      [0, 500, 1_500].map((ms) => ({
        at: lastOrder(lab, "nuc1").acceptedAt + ms,
        what: "command",
        text: "on by nuc1",
        durationMs: 0,
        error: { code: "busy", message: "not now" },
      })),
    );
  });

  test.each(["refused", "protocol"] as const)("with %s is not repeated", async (code) => {
    await using lab = new Lab();
    const { sent } = moody(lab, [cannotHaveActed(code)]);
    lab.addMachine("nuc1");
    expect((await lab.failure("nuc1", "on")).code).toBe(code);
    expect(sent).toHaveLength(1);
  });

  test("and may have acted is repeated where that does no harm", async () => {
    await using lab = new Lab();
    const { sent } = moody(lab, [new PowerError("timeout", "late", { mayHaveActed: true })]);
    lab.addMachine("nuc1", { boot: "0s" });
    expect((await lab.order("nuc1", "on")).state).toBe("done");
    expect(sent).toHaveLength(2);
  });

  test("and may have acted is not repeated where it must not be", async () => {
    await using lab = new Lab();
    const late = new PowerError("timeout", "late", { mayHaveActed: true });
    const { sent } = moody(lab, [late], { repeatable: false });
    lab.addMachine("nuc1");
    expect(await lab.failure("nuc1", "on")).toMatchObject({ code: "timeout", mayHaveActed: true });
    expect(sent).toHaveLength(1);
  });

  test("and cannot have acted is repeated even where what acts must not be", async () => {
    await using lab = new Lab();
    const { sent } = moody(lab, [cannotHaveActed("busy")], { repeatable: false });
    lab.addMachine("nuc1", { boot: "0s" });
    expect((await lab.order("nuc1", "on")).state).toBe("done");
    expect(sent).toHaveLength(2);
  });

  test("after one that may have acted leaves it possible that something did", async () => {
    await using lab = new Lab();
    const late = new PowerError("timeout", "late", { mayHaveActed: true });
    moody(lab, [late, cannotHaveActed("refused")]);
    lab.addMachine("nuc1");
    expect(await lab.failure("nuc1", "on")).toMatchObject({ code: "refused", mayHaveActed: true });
  });

  test("is not repeated when somebody who asked meanwhile measured the goal", async () => {
    await using lab = new Lab();
    const { sent } = moody(lab, [cannotHaveActed("busy")]);
    lab.addMachine("nuc1", { boot: "0s" }, { fresh: 0 });
    const { done } = lab.power.order({ machine: "nuc1", verb: "on", actor: MAAS });
    await lab.wait(200);
    lab.device("nuc1").byHand("on");
    await lab.run(lab.power.query("nuc1"));
    expect(await lab.run(done)).toMatchObject({ state: "done", grade: "measured" });
    expect(sent).toHaveLength(1);
  });

  test("is not repeated when somebody asked in the very millisecond in which it was sent, and measured the goal", async () => {
    await using lab = new Lab({ slow: true });
    let [runs, sent] = [false, 0];
    const answers = async () => {
      await lab.clock.sleep(100);
      return runs ? "on" : "off";
    };
    const obeys = async () => {
      sent += 1;
      runs = true;
      lab.power.query("nuc1").catch(() => undefined);
      throw cannotHaveActed("busy");
    };
    const stage = { outlet: toldOutlet(lab, "control", { obeys }), wait: 4_000 };
    lab.add("nuc1", {
      query: { kind: "one", outlet: toldOutlet(lab, "host", { answers }) },
      stages: { on: [stage], off: [], cycle: [], reset: [] },
    });
    expect(await lab.order("nuc1", "on")).toMatchObject({ state: "done", grade: "measured" });
    expect(sent).toBe(1);
  });

  describe("at one of two supplies", () => {
    /** Two plugs, the second of which is not to be reached for the first half second. */
    function twin(lab: Lab) {
      const sent: string[] = [];
      const plug = (hub: string, initial: "on" | "off") => {
        const send = (verb: "on" | "off") => async () => {
          sent.push(`${verb} ${hub}`);
          if (hub === "right" && sent.filter((command) => command === `${verb} right`).length === 1)
            throw cannotHaveActed("busy");
          lab.device(hub).command(verb);
        };
        const driver = variant(lab, hub, { on: send("on"), off: send("off") });
        return { outlet: lab.outlet(hub, { kind: "plug", initial }, driver) };
      };
      return { sent, plug };
    }

    test("is not repeated when somebody who asked meanwhile measured all of them open", async () => {
      await using lab = new Lab();
      const { sent, plug } = twin(lab);
      lab.add("server", { supplies: [plug("left", "on"), plug("right", "on")], fresh: 0 });
      const { done } = lab.power.order({ machine: "server", verb: "off", actor: MAAS });
      await lab.wait(200);
      lab.device("right").byHand("off");
      await lab.run(lab.power.query("server"));
      expect(await lab.run(done)).toMatchObject({ state: "done", grade: "measured" });
      expect(sent).toEqual(["off left", "off right"]);
    });

    test("is repeated when one of them was measured closed", async () => {
      await using lab = new Lab();
      const { sent, plug } = twin(lab);
      lab.add("server", { supplies: [plug("left", "on"), plug("right", "on")], fresh: 0 });
      const { done } = lab.power.order({ machine: "server", verb: "off", actor: MAAS });
      await lab.wait(200);
      await lab.run(lab.power.query("server"));
      expect(await lab.run(done)).toMatchObject({ state: "done", grade: "measured" });
      expect(sent).toEqual(["off left", "off right", "off right"]);
    });

    test("is repeated when it is to close, and the other was measured closed", async () => {
      await using lab = new Lab();
      const { sent, plug } = twin(lab);
      lab.add("server", { supplies: [plug("left", "off"), plug("right", "off")], fresh: 0 });
      const { done } = lab.power.order({ machine: "server", verb: "on", actor: MAAS });
      await lab.wait(200);
      await lab.run(lab.power.query("server"));
      await lab.run(done);
      expect(sent).toEqual(["on left", "on right", "on right"]);
    });
  });

  test("is repeated while the machine has halted and its supply is closed", async () => {
    await using lab = new Lab();
    const [failures, sent] = [[cannotHaveActed("busy")], [] as string[]];
    const driver = variant(lab, "plug", {
      off: async (hub, outlet, { signal }) => {
        sent.push("off");
        const failure = failures.shift();
        if (failure) throw failure;
        await hub.command(outlet, "off", signal);
      },
    });
    lab.add("pi1", {
      supplies: [{ outlet: lab.outlet("plug", { kind: "plug", initial: "on" }, driver) }],
      above: 6,
      cut: "always",
      fresh: 0,
    });
    const { done } = lab.power.order({ machine: "pi1", verb: "off", actor: MAAS });
    await lab.wait(200);
    lab.device("plug").halt();
    expect((await lab.run(lab.power.query("pi1"))).state).toBe("off");
    await lab.run(done);
    expect([sent, lab.device("plug").fed]).toEqual([["off", "off"], false]);
  });

  test("is repeated when what was measured meanwhile is not the goal", async () => {
    await using lab = new Lab();
    const { sent } = moody(lab, [cannotHaveActed("busy")]);
    lab.addMachine("nuc1", { boot: "0s" }, { fresh: 0 });
    const { done } = lab.power.order({ machine: "nuc1", verb: "on", actor: MAAS });
    await lab.wait(200);
    await lab.run(lab.power.query("nuc1"));
    await lab.run(done);
    expect(sent).toHaveLength(2);
  });

  test("is repeated when the goal was only measured before the first attempt", async () => {
    await using lab = new Lab();
    const { sent } = moody(lab, [cannotHaveActed("busy")]);
    lab.limits.push({ label: "tag rack", tag: "rack", starting: 1, pause: 0 });
    lab.addMachine("first", { boot: "10s" }, { tags: ["rack"] });
    lab.addMachine("nuc1", { boot: "0s" }, { tags: ["rack"], fresh: 0 });
    lab.power.order({ machine: "first", verb: "on", actor: MAAS });
    await lab.wait(100);
    const { done } = lab.power.order({ machine: "nuc1", verb: "on", actor: MAAS });
    await lab.wait(2_000);
    lab.device("nuc1").byHand("on");
    await lab.run(lab.power.query("nuc1"));
    lab.device("nuc1").byHand("off");
    expect((await lab.run(done)).state).toBe("done");
    expect(sent).toHaveLength(2);
  });

  test("makes nobody content with what was read between two attempts", async () => {
    await using lab = new Lab({ slow: true });
    let [sent, runs] = [0, false];
    const outlet = toldOutlet(lab, "nuc1", {
      obeys: async () => {
        sent += 1;
        await lab.clock.sleep(10);
        if (sent < 3) throw new PowerError("timeout", "late", { mayHaveActed: true });
        runs = true;
      },
    });
    const stage = { outlet, wait: 10_000 };
    lab.add("nuc1", {
      query: { kind: "one", outlet: telling(lab, "led", () => (runs ? "on" : "off")) },
      fresh: 10_000,
      stages: { on: [stage], off: [], cycle: [], reset: [] },
    });
    const { done } = lab.power.order({ machine: "nuc1", verb: "on", actor: MAAS });
    const age = async () => lab.clock.now() - (await lab.run(lab.power.query("nuc1"))).startedAt;
    const ages: number[] = [];
    for (const pause of [100, 200, 300]) {
      await lab.wait(pause);
      ages.push(await age());
    }
    expect([ages, sent]).toEqual([[0, 200, 0], 2]);
    expect((await lab.run(done)).state).toBe("done");
  });

  test("to close a supply rests anew when that was seen to open meanwhile", async () => {
    await using lab = new Lab();
    const { sent, gaps } = moody(lab, [cannotHaveActed("busy")]);
    lab.addPlug("nuc1", {}, { minOff: 5_000, fresh: 0 });
    const { done } = lab.power.order({ machine: "nuc1", verb: "on", actor: MAAS });
    await lab.wait(100);
    for (const action of ["on", "off"] as const) {
      lab.device("nuc1").byHand(action);
      await lab.wait(100);
      await lab.run(lab.power.query("nuc1"));
    }
    expect((await lab.run(done)).state).toBe("done");
    expect([sent.length, gaps()]).toEqual([2, [5_300]]);
  });

  test("to open a supply is repeated at once, however lately that was seen to open", async () => {
    await using lab = new Lab();
    const sent: number[] = [];
    const driver = variant(lab, "plug", {
      off: async (hub, outlet, { signal }) => {
        sent.push(lab.clock.now());
        if (sent.length === 1) throw cannotHaveActed("busy");
        await hub.command(outlet, "off", signal);
      },
    });
    const outlet = lab.outlet("plug", { kind: "plug", initial: "on" }, driver);
    lab.add("pi1", { supplies: [{ outlet }], minOff: 5_000, fresh: 0 });
    const { done } = lab.power.order({ machine: "pi1", verb: "off", actor: MAAS });
    for (const action of ["off", "on"] as const) {
      await lab.wait(100);
      lab.device("plug").byHand(action);
      await lab.run(lab.power.query("pi1"));
    }
    expect((await lab.run(done)).state).toBe("done");
    expect(sent.map((at) => at - (sent[0] ?? 0))).toEqual([0, 500]);
  });

  test("and was to reset the machine is repeated though that is measured on", async () => {
    await using lab = new Lab();
    const failures = [cannotHaveActed("busy")];
    const driver = variant(lab, "nuc1", {
      reset: async (hub, outlet, { signal }) => {
        const failure = failures.shift();
        if (failure) throw failure;
        await hub.command(outlet, "reset", signal);
      },
    });
    lab.hubSpec("nuc1", driver);
    lab.addMachine("nuc1", { initial: "on", boot: "0s" }, { fresh: 0 });
    const { done } = lab.power.order({ machine: "nuc1", verb: "reset", actor: MAAS });
    await lab.wait(200);
    await lab.run(lab.power.query("nuc1"));
    await lab.run(done);
    expect(lab.commands("nuc1")).toEqual(["reset"]);
  });
});

describe("a command that an earlier one for the opposite undid", () => {
  const undone = "an earlier command switched it on after this one: it is sent again";

  async function onThenOff(lab: Lab, wait: number) {
    lab.addMachine("nuc1", { lag: "8s", boot: "0s" }, { verify: wait });
    lab.power.order({ machine: "nuc1", verb: "on", actor: MAAS });
    await lab.wait(2_000);
    const off = await lab.order("nuc1", "off", { actor: RACK2 });
    return off;
  }

  test("is sent once more", async () => {
    await using lab = new Lab();
    const off = await onThenOff(lab, 120_000);
    expect(lab.commands("nuc1")).toEqual(["on", "off", "off"]);
    expect(deeds(off)).toEqual([
      "0 s command off (hard) by nuc1",
      `6 s note ${undone}`,
      "6 s command off (hard) by nuc1",
    ]);
    expect((off.proof?.startedAt ?? 0) - off.acceptedAt).toBe(8_000);
  });

  test("is not sent again when the machine is back at the goal by the next read", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { lag: "8500ms", boot: "0s" }, { fresh: 0 });
    lab.power.order({ machine: "nuc1", verb: "on", actor: MAAS });
    await lab.wait(2_000);
    const off = lab.power.order({ machine: "nuc1", verb: "off", actor: RACK2 });
    await lab.wait(6_700);
    expect((await lab.run(lab.power.query("nuc1"))).state).toBe("on");
    lab.device("nuc1").halt();
    await lab.run(off.done);
    expect(lab.commands("nuc1")).toEqual(["on", "off"]);
  });

  test("is not sent again where that might do harm", async () => {
    await using lab = new Lab();
    lab.hubSpec("nuc1", variant(lab, "nuc1", { repeatable: false }));
    await onThenOff(lab, 120_000);
    expect(lab.commands("nuc1")).toEqual(["on", "off"]);
  });

  test.each([
    [8_000, ["on", "off"]],
    [8_001, ["on", "off", "off"]],
  ])("is not sent again where the earlier one is over by then: with %i ms to show it is %j", async (wait, commands) => {
    await using lab = new Lab();
    await onThenOff(lab, wait);
    expect(lab.commands("nuc1")).toEqual(commands);
  });
});

describe("an order that ends early", () => {
  test("after its command says that the machine may have obeyed", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { fault: "stuck" });
    const { order, done } = lab.power.order({ machine: "nuc1", verb: "on", actor: MAAS });
    await lab.wait(3_000);
    lab.power.cancel(order.id, ANNA);
    await expect(lab.run(done)).rejects.toMatchObject({ code: "superseded", mayHaveActed: true });
    expect(order.error?.mayHaveActed).toBe(true);
  });

  test("before its command says that nothing was done", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1");
    lab.hub("nuc1").reachable = false;
    const { order, done } = lab.power.order({ machine: "nuc1", verb: "on", actor: MAAS });
    await lab.wait(200);
    lab.power.cancel(order.id, ANNA);
    lab.hub("nuc1").reachable = true;
    await expect(lab.run(done)).rejects.toMatchObject({ code: "superseded", mayHaveActed: false });
    expect(lab.commands("nuc1")).toEqual([]);
    expect(deeds(order)).toEqual(["0 s command on by nuc1"]);
  });

  test("while its command waits for its turn never sent it, and does not tell of it", async () => {
    await using lab = new Lab();
    let letGo: (() => void) | undefined;
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    lab.hubSpec("strip", variant(lab, "strip", { watts: () => held.then(() => 5) }));
    const button = lab.outlet("strip", { outlet: "1" });
    const other = lab.outlet("strip", { outlet: "2", kind: "plug", initial: "on" });
    lab.add("nuc1", {
      query: { kind: "one", outlet: telling(lab, "host", () => "off") },
      stages: { on: [{ outlet: button, wait: 1_000 }], off: [], cycle: [], reset: [] },
    });
    lab.add("meter", { supplies: [{ outlet: other }], above: 6 });
    const metered = lab.power.query("meter");
    await new Promise((resolve) => setTimeout(resolve, 20));
    const { order, done } = lab.power.order({ machine: "nuc1", verb: "on", actor: MAAS });
    await new Promise((resolve) => setTimeout(resolve, 20));
    lab.power.cancel(order.id, ANNA);
    await expect(done).rejects.toMatchObject({ code: "superseded", mayHaveActed: false });
    expect(story(order)).toEqual(["0 s read off: host says off"]);
    letGo?.();
    await metered;
  });
});

describe("a command to an address that is sought", () => {
  const located = (lab: Lab, found: Found) => {
    const outlet = { ...lab.outlet("nuc1", { boot: "0s" }), sought: { key: "host", machine: "nuc1" } };
    const stage = { outlet, wait: 4_000 };
    lab.add("nuc1", { query: { kind: "one", outlet }, stages: { on: [stage], off: [], cycle: [], reset: [] } });
    return new PowerController({
      machines: lab.machines,
      limits: [],
      clock: lab.clock,
      journal: lab.notebook,
      memory: lab.notebook,
      addresses: { find: () => Promise.resolve(found), doubt: () => undefined },
    });
  };

  test.each([
    [{ address: "10.0.0.7", doubt: "its lease is old" }, "0 s command on by nuc1; its lease is old", "assumed"],
    [{ address: "10.0.0.7" }, "0 s command on by nuc1", "measured"],
  ])("tells of the doubt, where there is one: %j", async (found, step, grade) => {
    await using lab = new Lab();
    const power = located(lab, found);
    const order = await lab.clock.run(power.order({ machine: "nuc1", verb: "on", actor: MAAS }).done);
    expect(deeds(order)).toEqual([step]);
    expect(order.grade).toBe(grade);
    await lab.clock.run(power.stop(0));
  });
});
