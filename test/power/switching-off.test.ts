import { describe, expect, test } from "vitest";
import assumed from "../../src/drivers/assumed.ts";
import type { QueryAnswer } from "../../src/power/driver.ts";
import type { MachineSpec } from "../../src/power/spec.ts";
import { ANNA, Lab } from "./lab.ts";
import { deeds, lastOrder, readTimes, story, telling } from "./scripted.ts";

/** A machine on a plug with a control that stops it, which also tells whether it runs. */
function stopped(lab: Lab, control: Record<string, unknown>, more: Partial<MachineSpec> = {}) {
  const outlet = lab.outlet("host", { initial: "on", shutdown: "0s", ...control });
  lab.addPlug(
    "pi1",
    { initial: "on" },
    {
      query: { kind: "one", outlet },
      verify: 4_000,
      minOff: 0,
      ...more,
      stages: { on: [], off: [{ outlet, how: "soft", wait: 9_000 }], cycle: [], reset: [] },
    },
  );
}

describe("an order to switch off", () => {
  test("waits for a device that says it is on its way, and commands nothing", async () => {
    await using lab = new Lab();
    const answers: QueryAnswer[] = [{ state: "on", towards: "off" }, { state: "on", towards: "off" }, "off"];
    const query = telling(lab, "host", () => answers.shift() ?? "off");
    lab.addMachine("nuc1", { initial: "on" }, { query: { kind: "one", outlet: query } });
    const order = await lab.order("nuc1", "off");
    expect(order).toMatchObject({ state: "done", grade: "measured" });
    expect(story(order)).toEqual([
      "0 s read on: host says on",
      "0 s note the device says it is on its way",
      "0 s read on: host says on",
      "1 s read off: host says off",
    ]);
    expect(lab.commands("nuc1")).toEqual([]);
  });

  test("waits no longer for that than a machine may take", async () => {
    await using lab = new Lab();
    const query = telling(lab, "host", () => ({ state: "on", towards: "off" }));
    lab.addMachine("nuc1", {}, { query: { kind: "one", outlet: query }, verify: 5_000 });
    expect((await lab.failure("nuc1", "off")).message).toBe("nuc1 still reads on after 5 s (host says on), not off");
    expect(readTimes(lastOrder(lab, "nuc1"))).toEqual([0, 0, 1, 2, 3, 4, 5]);
    expect(lab.commands("nuc1")).toEqual([]);
  });

  test("commands again what is off only as far as was ordered", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", {}, { query: { kind: "one", outlet: lab.outlet("memory", {}, assumed) } });
    await lab.order("nuc1", "off", { actor: ANNA, how: "hard" });
    const again = await lab.order("nuc1", "off", { actor: ANNA, how: "hard" });
    expect(again).toMatchObject({ grade: "assumed", proof: { state: "off" } });
    expect(lab.commands("nuc1")).toEqual(["off", "off"]);
  });

  test("has nothing to open where there is no supply: the failure of its last way is all", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial: "on", fault: "stuck" }, { verify: 2_000 });
    expect((await lab.failure("nuc1", "off")).message).toBe("nuc1 still reads on after 2 s (running), not off");
    expect(story(lastOrder(lab, "nuc1"))).toEqual([
      "0 s read on: running",
      "0 s command off (hard) by nuc1",
      "0 s read on: running",
      "1 s read on: running",
      "2 s read on: running",
    ]);
  });

  test("that is to be soft has no way where there is only a supply to cut", async () => {
    await using lab = new Lab();
    lab.addPlug("pi1", { initial: "on" });
    expect(await lab.failure("pi1", "off", { actor: ANNA, how: "soft" })).toMatchObject({
      code: "unsupported",
      message: "pi1 has no soft way to be switched off",
      mayHaveActed: false,
    });
    expect(lab.commands("pi1")).toEqual([]);
  });

  test("that is to be hard has no way where there is only a soft one", async () => {
    await using lab = new Lab();
    const outlet = lab.outlet("nuc1", { initial: "on" });
    lab.add("nuc1", {
      query: { kind: "one", outlet },
      stages: { on: [], off: [{ outlet, how: "soft", wait: 1_000 }], cycle: [], reset: [] },
    });
    expect((await lab.failure("nuc1", "off", { actor: ANNA, how: "hard" })).message).toBe(
      "nuc1 has no hard way to be switched off",
    );
    expect(lab.commands("nuc1")).toEqual([]);
  });

  test("that comes from a cycle says as much where there is neither", async () => {
    await using lab = new Lab();
    const outlet = lab.outlet("nuc1");
    lab.addPlug(
      "nuc1",
      { initial: "on" },
      {
        cut: "never",
        query: { kind: "one", outlet: telling(lab, "host", () => ({ state: "unknown" })) },
        stages: { on: [], off: [], cycle: [{ outlet, wait: 1_000 }], reset: [] },
      },
    );
    expect((await lab.failure("nuc1", "cycle")).message).toBe("nuc1 has no way to be switched off");
    expect(lab.commands("nuc1")).toEqual([]);
  });
});

describe("the supply of a machine that has a way of its own", () => {
  test("is opened when that is refused, and the order tells why", async () => {
    await using lab = new Lab();
    stopped(lab, { fault: "refuses" });
    const order = await lab.order("pi1", "off");
    expect(order.proof).toMatchObject({ state: "off", fed: false, confidence: "measured" });
    expect(deeds(order)).toEqual([
      "0 s command off (soft) by host",
      "0 s note host: simulated outlet 1 refuses; trying the next way",
      "0 s note asking did not help: the supply is opened",
      "0 s command off (hard) by pi1",
    ]);
  });

  test("is opened at once when that does not answer", async () => {
    await using lab = new Lab();
    stopped(lab, {}, { query: { kind: "one", outlet: telling(lab, "sensor", () => "on") } });
    lab.device("host").fault = "unreachable";
    const order = await lab.order("pi1", "off");
    expect(deeds(order).filter((step) => step.includes(" command "))).toEqual([
      "0 s command off (soft) by host",
      "0 s command off (hard) by pi1",
    ]);
  });

  test("is left alone with cut: never, and that way is tried three times", async () => {
    await using lab = new Lab();
    stopped(lab, {}, { cut: "never", query: { kind: "one", outlet: telling(lab, "sensor", () => "on") } });
    lab.device("host").fault = "unreachable";
    expect((await lab.failure("pi1", "off")).code).toBe("unreachable");
    expect(deeds(lastOrder(lab, "pi1"))).toEqual([
      "0 s command off (soft) by host",
      "0.5 s command off (soft) by host",
      "1.5 s command off (soft) by host",
    ]);
    expect(lab.device("pi1").fed).toBe(true);
  });

  test("is not opened again by cut: always when it is open", async () => {
    await using lab = new Lab();
    stopped(lab, {}, { cut: "always" });
    await lab.order("pi1", "off");
    await lab.order("pi1", "off", { actor: ANNA });
    expect(lab.commands("pi1")).toEqual(["off"]);
  });

  test("is proven open by itself with cut: always, not by a machine that is off", async () => {
    await using lab = new Lab();
    const outlet = lab.outlet("host", { initial: "off" });
    lab.addPlug("pi1", { initial: "on", lag: "3s" }, { cut: "always", query: { kind: "one", outlet } });
    const order = await lab.order("pi1", "off");
    expect(order.proof).toMatchObject({ state: "off", fed: false });
    expect((order.endedAt ?? 0) - order.acceptedAt).toBe(3_000);
  });

  test("is opened as well when the device says it is on its way, with cut: always", async () => {
    await using lab = new Lab();
    const answers: QueryAnswer[] = [{ state: "on", towards: "off" }];
    const query = telling(lab, "sensor", () => answers.shift() ?? "off");
    stopped(lab, {}, { cut: "always", query: { kind: "one", outlet: query } });
    const order = await lab.order("pi1", "off");
    expect(deeds(order)).toEqual(["0 s note the device says it is on its way", "0 s command off (hard) by pi1"]);
  });
});

describe("the way to switch off", () => {
  test.each([
    ["soft", ["soft-off"]],
    ["hard", ["off"]],
    ["soft_then_hard", ["soft-off"]],
    [undefined, ["off"]],
  ] as const)("is %s for automation where the configuration says so", async (how, commands) => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial: "on" }, { ...(how && { how }) });
    await lab.order("nuc1", "off");
    expect(lab.commands("nuc1")).toEqual(commands);
  });

  test.each([
    ["soft", ["soft-off"]],
    ["hard", ["off"]],
    ["soft_then_hard", ["soft-off"]],
    [undefined, ["soft-off"]],
  ] as const)("is %s for people where the configuration says so", async (how, commands) => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial: "on" }, { ...(how && { how }) });
    await lab.order("nuc1", "off", { actor: ANNA });
    expect(lab.commands("nuc1")).toEqual(commands);
  });

  test("is a person's own choice before what the configuration says", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial: "on" }, { how: "soft" });
    await lab.order("nuc1", "off", { actor: ANNA, how: "hard" });
    expect(lab.commands("nuc1")).toEqual(["off"]);
  });

  test.each([
    [20_000, 20],
    [60_000, 60],
    [120_000, 60],
  ])("waits for a soft one that may take %i ms at most %i s before the hard one", async (verify, seconds) => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial: "on", fault: "hung" }, { verify });
    const order = await lab.order("nuc1", "off", { actor: ANNA });
    expect(deeds(order).filter((step) => step.includes(" command "))).toEqual([
      "0 s command off (soft) by nuc1",
      `${seconds} s command off (hard) by nuc1`,
    ]);
  });

  test("waits for a hard one as long as a machine may take", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial: "on", fault: "stuck" }, { verify: 90_000 });
    await lab.failure("nuc1", "off");
    const { acceptedAt, endedAt = 0 } = lastOrder(lab, "nuc1");
    expect(endedAt - acceptedAt).toBe(90_000);
  });

  test("waits for a soft one that is written as a stage of its own as long as that says", async () => {
    await using lab = new Lab();
    const outlet = lab.outlet("nuc1", { initial: "on", fault: "hung" });
    const stage = { outlet, wait: 100_000 };
    lab.add("nuc1", {
      query: { kind: "one", outlet },
      stages: {
        on: [],
        off: [
          { ...stage, how: "soft" },
          { ...stage, how: "hard" },
        ],
        cycle: [],
        reset: [],
      },
    });
    expect(deeds(await lab.order("nuc1", "off")).filter((step) => step.includes(" command "))).toEqual([
      "0 s command off (soft) by nuc1",
      "100 s command off (hard) by nuc1",
    ]);
  });

  test("is the one there is where a control has but one", async () => {
    await using lab = new Lab();
    const outlet = lab.outlet("pi1", { kind: "plug", initial: "on" });
    lab.add("nuc1", {
      query: { kind: "one", outlet },
      stages: { on: [], off: [{ outlet, wait: 1_000 }], cycle: [], reset: [] },
    });
    const order = await lab.order("nuc1", "off", { actor: ANNA });
    expect(deeds(order)).toEqual(["0 s command off (hard) by pi1"]);
  });
});
