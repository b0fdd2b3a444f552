import { describe, expect, test } from "vitest";
import type { QueryAnswer } from "../../src/power/driver.ts";
import { PowerError } from "../../src/power/errors.ts";
import type { Reading } from "../../src/power/reading.ts";
import type { MachineSpec } from "../../src/power/spec.ts";
import { Lab } from "./lab.ts";
import { type Says, saying, toldOutlet } from "./told-outlet.ts";

/** Outlets `left` and `right`, or as many as there are answers. */
function supplies(lab: Lab, ...says: readonly Says[]): Pick<MachineSpec, "supplies"> {
  return { supplies: says.map((answer, index) => ({ outlet: saying(lab, ["left", "right"][index] ?? "", answer) })) };
}

function asks(lab: Lab, says: Says): Pick<MachineSpec, "query"> {
  return { query: { kind: "one", outlet: saying(lab, "bmc", says) } };
}

function sensed(lab: Lab, spec: Partial<MachineSpec>): Promise<Reading> {
  lab.add("nuc1", spec);
  return lab.run(lab.power.query("nuc1"));
}

const REFUSES = new PowerError("refused", "it refuses");
const GONE = new PowerError("unreachable", "it is gone");
const FED_ONLY = "it is fed, and nothing measures whether it runs";

describe("a machine that nothing can measure", () => {
  test("is unknown, and says why", async () => {
    await using lab = new Lab();
    expect(await sensed(lab, {})).toEqual({
      state: "unknown",
      confidence: "assumed",
      startedAt: lab.clock.now(),
      evidence: [],
      reason: "nothing in the configuration can measure this machine",
    });
  });
});

describe("one supply", () => {
  test("that is open is off, measured, whatever else says", async () => {
    await using lab = new Lab();
    expect(await sensed(lab, { ...supplies(lab, "off"), ...asks(lab, "on") })).toEqual({
      state: "off",
      confidence: "measured",
      startedAt: lab.clock.now(),
      evidence: ["left open"],
      fed: false,
    });
    expect(lab.power.hubs().find((hub) => hub.spec.name === "bmc")?.lastExchange).toBeUndefined();
  });

  test("that is closed, without a query or a meter, is on, assumed, and says why", async () => {
    await using lab = new Lab();
    expect(await sensed(lab, supplies(lab, { state: "on", evidence: "relay 3 closed" }))).toEqual({
      state: "on",
      confidence: "assumed",
      startedAt: lab.clock.now(),
      evidence: ["left relay 3 closed"],
      reason: FED_ONLY,
      fed: true,
    });
  });

  test.each([
    { fed: true, state: "on", evidence: "left assumed closed", more: { reason: FED_ONLY, fed: true } },
    { fed: false, state: "off", evidence: "left assumed open", more: { fed: false } },
    {
      fed: undefined,
      state: "unknown",
      evidence: "left assumed not to be told",
      more: { reason: "nothing tells whether the supply is closed" },
    },
  ] as const)("that cannot be read is what was ordered last: $evidence", async ({ fed, state, evidence, more }) => {
    await using lab = new Lab();
    if (fed !== undefined) lab.notebook.set("nuc1", { fed });
    const startedAt = lab.clock.now();
    expect(await sensed(lab, supplies(lab, undefined))).toEqual({
      state,
      confidence: "assumed",
      startedAt,
      evidence: [evidence],
      ...more,
    });
  });

  test("that only assumes to be open leaves the word to the query", async () => {
    await using lab = new Lab();
    lab.notebook.set("nuc1", { fed: false });
    expect(await sensed(lab, { ...supplies(lab, undefined), ...asks(lab, "on") })).toEqual({
      state: "on",
      confidence: "measured",
      startedAt: lab.clock.now(),
      evidence: ["left assumed open", "bmc says on"],
      fed: false,
    });
  });

  test("that is read, but only assumes, is told as assumed", async () => {
    await using lab = new Lab();
    expect(await sensed(lab, supplies(lab, { state: "off", assumed: true }))).toEqual({
      state: "off",
      confidence: "assumed",
      startedAt: lab.clock.now(),
      evidence: ["left open"],
      fed: false,
    });
  });

  test("that does not know its state makes the machine unknown", async () => {
    await using lab = new Lab();
    expect(await sensed(lab, supplies(lab, "unknown"))).toEqual({
      state: "unknown",
      confidence: "assumed",
      startedAt: lab.clock.now(),
      evidence: ["left not to be told"],
      reason: "nothing tells whether the supply is closed",
    });
  });

  test("that fails, with nothing else to ask, is a failure", async () => {
    await using lab = new Lab();
    await expect(sensed(lab, supplies(lab, REFUSES))).rejects.toBe(REFUSES);
  });

  test("that fails is told beside what the query says", async () => {
    await using lab = new Lab();
    expect(await sensed(lab, { ...supplies(lab, REFUSES), ...asks(lab, "off") })).toEqual({
      state: "off",
      confidence: "measured",
      startedAt: lab.clock.now(),
      evidence: ["it refuses", "bmc says off"],
    });
  });

  test("that failed makes a reading no older than what told it", async () => {
    await using lab = new Lab({ slow: true });
    const asked = lab.clock.now();
    const answers = async () => {
      await lab.clock.sleep(300);
      throw REFUSES;
    };
    const reading = await sensed(lab, {
      supplies: [{ outlet: toldOutlet(lab, "left", { answers }) }],
      ...asks(lab, "on"),
    });
    expect([lab.clock.now(), reading.startedAt]).toEqual([asked + 300, asked + 300]);
  });

  test("makes a reading as old as the older of what it and the query told", async () => {
    await using lab = new Lab();
    const now = lab.clock.now();
    const told = (age: number): QueryAnswer => ({ state: "on", at: now - age });
    expect((await sensed(lab, { ...supplies(lab, told(5_000)), ...asks(lab, told(2_000)) })).startedAt).toBe(
      now - 5_000,
    );
  });

  test("does not make a reading younger than its query", async () => {
    await using lab = new Lab();
    const now = lab.clock.now();
    const told = (age: number): QueryAnswer => ({ state: "on", at: now - age });
    expect((await sensed(lab, { ...supplies(lab, told(2_000)), ...asks(lab, told(5_000)) })).startedAt).toBe(
      now - 5_000,
    );
  });
});

describe("two supplies", () => {
  test.each([
    { left: "off", right: "off", state: "off", fed: false, outlets: ["open", "open"], confidence: "measured" },
    { left: "on", right: "off", state: "on", fed: true, outlets: ["closed", "open"], confidence: "assumed" },
    { left: "off", right: "on", state: "on", fed: true, outlets: ["open", "closed"], confidence: "assumed" },
    { left: "on", right: "unknown", state: "on", fed: true, outlets: ["closed", "unknown"], confidence: "assumed" },
    {
      left: "off",
      right: { state: "off", assumed: true },
      state: "off",
      fed: false,
      outlets: ["open", "open"],
      confidence: "assumed",
    },
  ] as const)("of which one reads $left and the other $right make it $state", async (row) => {
    await using lab = new Lab();
    const [first, second] = row.outlets;
    expect(await sensed(lab, supplies(lab, row.left, row.right))).toMatchObject({
      state: row.state,
      fed: row.fed,
      confidence: row.confidence,
      outlets: [
        { label: "left", state: first },
        { label: "right", state: second },
      ],
    });
  });

  test("of which one is open and the other does not know make it neither on nor off", async () => {
    await using lab = new Lab();
    expect(await sensed(lab, supplies(lab, "off", "unknown"))).toEqual({
      state: "unknown",
      confidence: "assumed",
      startedAt: lab.clock.now(),
      evidence: ["left open", "right not to be told"],
      reason: "nothing tells whether the supply is closed",
      outlets: [
        { label: "left", state: "open" },
        { label: "right", state: "unknown" },
      ],
    });
  });

  test("of which one is closed and the other fails make it fed, and the failure is told", async () => {
    await using lab = new Lab();
    expect(await sensed(lab, supplies(lab, REFUSES, "on"))).toEqual({
      state: "on",
      confidence: "assumed",
      startedAt: lab.clock.now(),
      evidence: ["right closed", "it refuses"],
      reason: FED_ONLY,
      fed: true,
      outlets: [
        { label: "left", state: "unknown" },
        { label: "right", state: "closed" },
      ],
    });
  });

  test("of which one is closed and the other fails leave the word to the query, off included", async () => {
    await using lab = new Lab();
    expect(await sensed(lab, { ...supplies(lab, "on", REFUSES), ...asks(lab, "off") })).toMatchObject({
      state: "off",
      confidence: "measured",
      fed: true,
    });
  });

  test("that both fail are the failure of the first", async () => {
    await using lab = new Lab();
    await expect(sensed(lab, supplies(lab, REFUSES, GONE))).rejects.toBe(REFUSES);
  });

  test.each(["off", "unknown"] as const)(
    "of which one is open and the other fails never let a query say %s",
    async (state) => {
      await using lab = new Lab();
      await expect(sensed(lab, { ...supplies(lab, "off", REFUSES), ...asks(lab, state) })).rejects.toBe(REFUSES);
    },
  );

  test("of which one is open and the other fails never let a query only assume that it runs", async () => {
    await using lab = new Lab();
    const assumed = asks(lab, { state: "on", assumed: true });
    await expect(sensed(lab, { ...supplies(lab, "off", REFUSES), ...assumed })).rejects.toBe(REFUSES);
  });

  test("of which one is open and the other fails let a query measure that it runs", async () => {
    await using lab = new Lab();
    expect(await sensed(lab, { ...supplies(lab, "off", REFUSES), ...asks(lab, "on") })).toEqual({
      state: "on",
      confidence: "measured",
      startedAt: lab.clock.now(),
      evidence: ["left open", "it refuses", "bmc says on"],
      outlets: [
        { label: "left", state: "open" },
        { label: "right", state: "unknown" },
      ],
    });
  });

  test("make a reading as old as the older of both", async () => {
    await using lab = new Lab();
    const now = lab.clock.now();
    const told = (age: number): QueryAnswer => ({ state: "off", at: now - age });
    expect((await sensed(lab, supplies(lab, told(1_000), told(3_000)))).startedAt).toBe(now - 3_000);
  });
});

describe("a query", () => {
  test("tells all that the device told", async () => {
    await using lab = new Lab();
    const at = lab.clock.now() - 700;
    const told = {
      state: "on",
      reason: "it is going down",
      towards: "off",
      watts: 12,
      evidence: "PoweringOff",
    } as const;
    expect(await sensed(lab, asks(lab, { ...told, at, assumed: true }))).toEqual({
      state: "on",
      confidence: "assumed",
      startedAt: at,
      evidence: ["PoweringOff"],
      reason: "it is going down",
      towards: "off",
      watts: 12,
    });
  });

  test("of a state alone tells nothing more", async () => {
    await using lab = new Lab();
    expect(await sensed(lab, asks(lab, "off"))).toEqual({
      state: "off",
      confidence: "measured",
      startedAt: lab.clock.now(),
      evidence: ["bmc says off"],
    });
  });
});
