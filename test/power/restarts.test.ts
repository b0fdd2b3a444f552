import { describe, expect, test } from "vitest";
import assumed from "../../src/drivers/assumed.ts";
import { PowerError } from "../../src/power/errors.ts";
import type { PowerSignal } from "../../src/power/events.ts";
import { ANNA, Lab } from "./lab.ts";
import { deeds, lastOrder, story, variant } from "./scripted.ts";

/** Switches the machine on by hand, once, as soon as the order has read that it is off. */
function turnedByHand() {
  let done = false;
  const lab: Lab = new Lab({
    hear: (signal: PowerSignal) => {
      if (done || signal.kind !== "order:updated" || !signal.order.steps.at(-1)?.text.startsWith("off")) return;
      if (signal.order.steps.at(-1)?.what !== "read") return;
      done = true;
      lab.device("nuc1").byHand("on");
    },
  });
  return lab;
}

describe("a cycle", () => {
  test("is kept as begun before its off, and as turned when that is behind it", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial: "on", boot: "0s" });
    const order = await lab.order("nuc1", "cycle");
    expect(order).toMatchObject({ state: "done", grade: "measured", turning: true, turned: true });
    expect(lab.notebook.lines).toEqual([
      "accept cycle nuc1",
      "running cycle nuc1",
      "running cycle nuc1",
      "done cycle nuc1",
    ]);
    expect(deeds(order)).toEqual(["0 s command off (hard) by nuc1", "0 s command on by nuc1"]);
  });

  test("of a machine that is off only switches it on", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { boot: "0s" });
    const order = await lab.order("nuc1", "cycle");
    expect(order).toMatchObject({ grade: "measured", turning: true, turned: true });
    expect(lab.notebook.lines).toEqual(["accept cycle nuc1", "running cycle nuc1", "done cycle nuc1"]);
    expect(deeds(order)).toEqual(["0 s command on by nuc1"]);
  });

  test("of a machine that is off only as far as was ordered has its off all the same", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", {}, { query: { kind: "one", outlet: lab.outlet("memory", {}, assumed) } });
    await lab.order("nuc1", "off", { actor: ANNA, how: "hard" });
    const order = await lab.order("nuc1", "cycle", { actor: ANNA, how: "hard" });
    expect(order.grade).toBe("assumed");
    expect(lab.commands("nuc1")).toEqual(["off", "off", "on"]);
  });

  test("that is interrupted before its off has not turned", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial: "on", fault: "stuck" }, { verify: 2_000 });
    await lab.failure("nuc1", "cycle");
    const order = lastOrder(lab, "nuc1");
    expect([order.turning, order.turned]).toEqual([true, undefined]);
    expect(lab.commands("nuc1")).toEqual(["off"]);
  });

  test("is content with a machine that came up by itself, though the configuration says to cycle what is on", async () => {
    await using lab = turnedByHand();
    lab.addMachine("nuc1", { initial: "on", boot: "0s" }, { whenAlreadyOn: "cycle" });
    expect(await lab.order("nuc1", "cycle")).toMatchObject({ state: "done", grade: "measured" });
    expect(lab.commands("nuc1")).toEqual(["off"]);
  });

  test("of a machine that is off is content with one that came up by itself as well", async () => {
    await using lab = turnedByHand();
    lab.addMachine("nuc1", { boot: "0s" }, { whenAlreadyOn: "cycle" });
    expect(await lab.order("nuc1", "cycle")).toMatchObject({ state: "done", grade: "measured" });
    expect(lab.commands("nuc1")).toEqual([]);
  });

  test("uses its own way where there is one, and says that this was only accepted", async () => {
    await using lab = new Lab();
    const driver = variant(lab, "nuc1", { cycle: (hub, outlet, { signal }) => hub.command(outlet, "reset", signal) });
    lab.hubSpec("nuc1", driver);
    const stage = { outlet: lab.outlet("nuc1", { initial: "on", boot: "5s" }, driver), wait: 60_000 };
    lab.add("nuc1", {
      query: { kind: "one", outlet: stage.outlet },
      stages: { on: [stage], off: [stage], cycle: [stage], reset: [] },
    });
    const order = await lab.order("nuc1", "cycle");
    expect(order).toMatchObject({ grade: "accepted", turning: true, turned: true, proof: { state: "on" } });
    expect(deeds(order)).toEqual(["0 s command cycle by nuc1"]);
    expect((order.endedAt ?? 0) - order.acceptedAt).toBe(6_000);
  });

  test("has no way to an on where it has but its own, and the machine is off", async () => {
    await using lab = new Lab();
    const outlet = lab.outlet("nuc1");
    lab.add("nuc1", {
      query: { kind: "one", outlet },
      stages: { on: [], off: [], cycle: [{ outlet, wait: 1_000 }], reset: [] },
    });
    expect(await lab.failure("nuc1", "cycle")).toMatchObject({
      code: "unsupported",
      message: "nuc1 has no way to be switched on",
    });
  });
});

describe("a reset", () => {
  test("is accepted when the machine reads on afterwards", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial: "on", boot: "0s" });
    const order = await lab.order("nuc1", "reset");
    expect(order).toMatchObject({ grade: "accepted", turning: true, turned: true });
    expect(story(order)).toEqual(["0 s read on: running", "0 s command reset by nuc1", "0 s read on: running"]);
  });

  test("is assumed where nothing measures the machine", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", {}, { query: { kind: "one", outlet: lab.outlet("memory", {}, assumed) } });
    await lab.order("nuc1", "on");
    expect(await lab.order("nuc1", "reset")).toMatchObject({ grade: "assumed", proof: { state: "on" } });
    expect(lab.commands("nuc1")).toEqual(["on", "reset"]);
  });

  test("that does not reach the device is tried three times, and then has not turned", async () => {
    await using lab = new Lab();
    const reset = () => Promise.reject(new PowerError("unreachable", "no route"));
    lab.hubSpec("nuc1", variant(lab, "nuc1", { reset }));
    lab.addMachine("nuc1", { initial: "on" });
    expect((await lab.failure("nuc1", "reset")).code).toBe("unreachable");
    const order = lastOrder(lab, "nuc1");
    expect([order.turning, order.turned]).toEqual([undefined, undefined]);
    expect(deeds(order)).toEqual([
      "0 s command reset by nuc1",
      "0.5 s command reset by nuc1",
      "1.5 s command reset by nuc1",
    ]);
  });

  test("without a way of its own is a cycle", async () => {
    await using lab = new Lab();
    lab.addPlug("pi1", { initial: "on", boot: "0s" }, { above: 6 });
    const order = await lab.order("pi1", "reset");
    expect(order).toMatchObject({ grade: "measured", turned: true });
    expect(deeds(order)).toEqual([
      "0 s command off (hard) by pi1",
      "0 s rest supply stays open until 5 s are over",
      "5 s command on by pi1",
    ]);
  });

  test("waits for its turn to start, as what it does is a start", async () => {
    await using lab = new Lab();
    lab.limits.push({ label: "tag rack", tag: "rack", starting: 1, pause: 0 });
    lab.addMachine("nuc1", { boot: "10s" }, { tags: ["rack"] });
    lab.addMachine("nuc2", { initial: "on", boot: "0s" }, { tags: ["rack"] });
    const first = lab.power.order({ machine: "nuc1", verb: "on", actor: ANNA });
    await lab.wait(500);
    const order = await lab.order("nuc2", "reset");
    expect(deeds(order)[0]).toBe("0 s wait its turn to start: 1 of 1 machines of tag rack are starting");
    expect(lab.device("nuc2").commands[0]?.at).toBe(first.order.endedAt);
  });
});
