import { describe, expect, test } from "vitest";
import { Meter } from "../../src/power/meter.ts";

const AT = Date.UTC(2026, 0, 1);

/** A meter that knows the machine to be in this state. */
function meterAt(state: "on" | "off", { above = 6, heldFor = 10_000 } = {}): Meter {
  const meter = new Meter({ above, heldFor });
  meter.read(state === "on" ? above : above - 1, AT - 60_000);
  return meter;
}

describe("a meter", () => {
  test.each([
    { watts: 0, state: "off", evidence: "0 W, below 6 W: halted" },
    { watts: 5.99, state: "off", evidence: "6 W, below 6 W: halted" },
    { watts: 5.94, state: "off", evidence: "5.9 W, below 6 W: halted" },
    { watts: 6, state: "on", evidence: "6 W" },
    { watts: 25.26, state: "on", evidence: "25.3 W" },
  ] as const)("that knows nothing yet takes the first $watts W for $state", ({ watts, state, evidence }) => {
    expect(new Meter({ above: 6, heldFor: 10_000 }).read(watts, AT)).toEqual({ state, evidence });
  });

  test.each([
    { from: "off", watts: 25, to: "on", evidence: "25 W" },
    { from: "on", watts: 0.9, to: "off", evidence: "0.9 W, below 6 W: halted" },
  ] as const)("follows from $from to $to when the watts have stayed there for long enough", (row) => {
    const { from, watts, to, evidence } = row;
    const meter = meterAt(from);
    expect(meter.read(watts, AT)).toEqual({ state: from, evidence: `${watts} W for 0 s of 10 s` });
    expect(meter.read(watts, AT + 9_999)).toEqual({ state: from, evidence: `${watts} W for 9.999 s of 10 s` });
    expect(meter.read(watts, AT + 10_000)).toEqual({ state: to, evidence });
    expect(meter.read(watts, AT + 10_001)).toEqual({ state: to, evidence });
  });

  test("follows at once where nothing needs to be held", () => {
    const meter = meterAt("off", { heldFor: 0 });
    expect(meter.read(25, AT)).toEqual({ state: "on", evidence: "25 W" });
    expect(meter.read(1, AT)).toEqual({ state: "off", evidence: "1 W, below 6 W: halted" });
  });

  test("begins to count anew when the watts fall back in between", () => {
    const meter = meterAt("off");
    meter.read(25, AT);
    expect(meter.read(1, AT + 6_000)).toEqual({ state: "off", evidence: "1 W, below 6 W: halted" });
    expect(meter.read(25, AT + 8_000)).toEqual({ state: "off", evidence: "25 W for 0 s of 10 s" });
    expect(meter.read(25, AT + 12_000)).toEqual({ state: "off", evidence: "25 W for 4 s of 10 s" });
    expect(meter.read(25, AT + 18_000)).toEqual({ state: "on", evidence: "25 W" });
  });

  test("begins to count anew after it followed", () => {
    const meter = meterAt("off");
    meter.read(25, AT);
    meter.read(25, AT + 10_000);
    expect(meter.read(1, AT + 15_000)).toEqual({ state: "on", evidence: "1 W for 0 s of 10 s" });
  });

  test("whose current was cut says off, and on only when the watts have stayed there", () => {
    const meter = meterAt("on");
    meter.cut();
    expect(meter.read(25, AT)).toEqual({ state: "off", evidence: "25 W for 0 s of 10 s" });
    expect(meter.read(25, AT + 10_000)).toEqual({ state: "on", evidence: "25 W" });
  });

  test("forgets at a cut how long the watts had stayed on the other side", () => {
    const meter = meterAt("off");
    meter.read(25, AT);
    meter.cut();
    expect(meter.read(25, AT + 10_000)).toEqual({ state: "off", evidence: "25 W for 0 s of 10 s" });
  });
});
