import { describe, expect, test } from "vitest";
import { PowerError } from "../../src/power/errors.ts";
import type { MachineSpec, OutletSpec } from "../../src/power/spec.ts";
import { failureOf } from "../expecting.ts";
import type { BareHub } from "./bare-hub.ts";
import { BareMachine } from "./bare-machine.ts";

async function nothing(): Promise<void> {}

const CAN_ALL = { on: nothing, off: nothing, cycle: nothing, reset: nothing, query: async () => "on" as const };

/** Ways by one outlet for these verbs. */
function ways(bare: BareHub, ...verbs: readonly ("on" | "off" | "cycle" | "reset")[]): Pick<MachineSpec, "stages"> {
  const stage = { outlet: bare.outlet().spec, wait: 1_000 };
  const none = { on: [], off: [], cycle: [], reset: [] };
  return { stages: { ...none, ...Object.fromEntries(verbs.map((verb) => [verb, [stage]])) } };
}

function supplied(bare: BareHub): Pick<MachineSpec, "supplies"> {
  return { supplies: [{ outlet: bare.outlet().spec }] };
}

describe("the verbs of a machine", () => {
  test.each([
    { what: "nothing", spec: () => ({}), verbs: [] },
    { what: "a supply", spec: supplied, verbs: ["on", "off", "cycle", "reset"] },
    {
      what: "a supply that is never to be cut",
      spec: (bare: BareHub) => ({ ...supplied(bare), cut: "never" as const }),
      verbs: ["on"],
    },
    {
      what: "a supply that is never to be cut, and a way to be switched off",
      spec: (bare: BareHub) => ({ ...supplied(bare), ...ways(bare, "off"), cut: "never" as const }),
      verbs: ["on", "off", "cycle", "reset"],
    },
    { what: "a way on", spec: (bare: BareHub) => ways(bare, "on"), verbs: ["on"] },
    { what: "a way off", spec: (bare: BareHub) => ways(bare, "off"), verbs: ["off"] },
    {
      what: "ways on and off",
      spec: (bare: BareHub) => ways(bare, "on", "off"),
      verbs: ["on", "off", "cycle", "reset"],
    },
    { what: "a cycle of its own", spec: (bare: BareHub) => ways(bare, "cycle"), verbs: ["cycle"] },
    { what: "a reset of its own", spec: (bare: BareHub) => ways(bare, "reset"), verbs: ["reset"] },
  ])("with $what are $verbs", async ({ spec, verbs }) => {
    await using it = new BareMachine(CAN_ALL, spec);
    expect(it.machine.verbs).toEqual(verbs);
  });
});

describe("the outlets of a machine", () => {
  function outletOf(bare: BareHub, label: string): OutletSpec {
    return bare.outlet({ outlet: label }, { label }).spec;
  }

  test("are those of its supply, its query and its ways, each once", async () => {
    await using it = new BareMachine(CAN_ALL, (bare) => {
      const [plug, bmc, wake] = [outletOf(bare, "plug"), outletOf(bare, "bmc"), outletOf(bare, "wake")];
      const stage = (outlet: OutletSpec) => [{ outlet, wait: 1_000 }];
      return {
        supplies: [{ outlet: plug }],
        query: { kind: "first", of: [{ kind: "one", outlet: bmc }] },
        stages: { on: stage(wake), off: stage(bmc), cycle: stage(outletOf(bare, "bmc")), reset: [] },
      };
    });
    const { machine, bare } = it;
    expect(machine.outlets.map(({ label }) => label)).toEqual(["plug", "bmc", "wake"]);
    expect(machine.sources.map(({ label }) => label)).toEqual(["plug", "bmc"]);
    expect(machine.hubs).toEqual([bare.hub]);
    expect(machine.stages.off[0]?.outlet).toBe(machine.sources[1]);
  });

  test.each([
    { what: "nothing but ways", spec: (bare: BareHub) => ways(bare, "on"), blind: true },
    { what: "a supply", spec: supplied, blind: false },
    { what: "a query", spec: undefined, blind: false },
  ])("leave it blind with $what: $blind", async ({ spec, blind }) => {
    await using it = new BareMachine(CAN_ALL, spec);
    expect(it.machine.blind).toBe(blind);
  });

  test("tell whether its supply can be read, every outlet of it", async () => {
    await using readable = new BareMachine(CAN_ALL, supplied);
    await using mute = new BareMachine({ on: nothing, off: nothing }, supplied);
    expect([readable.machine.readsSupply, mute.machine.readsSupply]).toEqual([true, false]);
    const half = {
      ...CAN_ALL,
      without: (settings: unknown) => ((settings as { mute?: boolean }).mute ? ["query" as const] : []),
    };
    await using both = new BareMachine(half, (bare) => ({
      supplies: [{ outlet: bare.outlet().spec }, { outlet: bare.outlet({ mute: true }).spec }],
    }));
    expect(both.machine.readsSupply).toBe(false);
  });

  test("are read together with others of the hub only where they are read at all", async () => {
    let together = 0;
    const driver = {
      ...CAN_ALL,
      queryAll: async (_hub: unknown, outlets: readonly unknown[]) => {
        together += 1;
        return outlets.map(() => "on" as const);
      },
    };
    const spec = (read: readonly string[]) => (bare: BareHub) => ({
      query: {
        kind: "all" as const,
        of: read.map((label) => ({ kind: "one" as const, outlet: outletOf(bare, label) })),
      },
      ...ways(bare, "on"),
    });
    await using one = new BareMachine(driver, spec(["a"]));
    await one.run(one.machine.query());
    expect(together).toBe(0);
    await using two = new BareMachine(driver, spec(["a", "b"]));
    await two.run(two.machine.query());
    expect(together).toBe(1);
  });
});

describe("a query of a machine", () => {
  /** Each read takes `takes` ms; `reads` counts them. */
  function slow(takes: number) {
    const seen = { reads: 0, failing: false };
    const it: BareMachine = new BareMachine({
      query: async () => {
        seen.reads += 1;
        await it.bare.clock.sleep(takes);
        if (seen.failing) throw new PowerError("refused", "not now");
        return "on";
      },
    });
    return { it, seen };
  }

  test("is answered by a reading as long as that is fresh, and no longer", async () => {
    const { it, seen } = slow(0);
    await using _it = it;
    const reading = await it.run(it.machine.query());
    await it.wait(1_000);
    expect(it.machine.freshReading()).toBe(reading);
    expect(await it.run(it.machine.query())).toBe(reading);
    await it.wait(1);
    expect(it.machine.freshReading()).toBeUndefined();
    await it.run(it.machine.query());
    expect(seen.reads).toBe(2);
  });

  test("is measured anew when a command came after the reading, and only then", async () => {
    const { it } = slow(0);
    await using _it = it;
    const reading = await it.run(it.machine.query());
    it.machine.voidReadings();
    expect(it.machine.freshReading()).toBe(reading);
    await it.wait(1);
    it.machine.voidReadings();
    expect(it.machine.freshReading()).toBeUndefined();
  });

  test("is measured anew after an attempt that failed, however young the last reading", async () => {
    const { it, seen } = slow(0);
    await using _it = it;
    const reading = await it.run(it.machine.query());
    seen.failing = true;
    const error = await failureOf(it.run(it.machine.measure("order")));
    expect([it.machine.reading, it.machine.error, it.machine.freshReading()]).toEqual([reading, error, undefined]);
    seen.failing = false;
    await it.run(it.machine.query());
    expect([seen.reads, it.machine.error]).toEqual([3, undefined]);
  });

  test("is shared by all who ask while it is under way", async () => {
    const { it, seen } = slow(500);
    await using _it = it;
    const first = it.machine.query();
    await it.wait(200);
    const second = it.machine.query();
    expect(await it.run(second)).toBe(await first);
    expect(seen.reads).toBe(1);
  });

  test("is shared no more once a command came after it began, and the newer one is", async () => {
    const { it, seen } = slow(500);
    await using _it = it;
    const first = it.machine.query();
    it.machine.voidReadings();
    const same = it.machine.query();
    await it.wait(100);
    it.machine.voidReadings();
    const newer = it.machine.query();
    expect([same, newer === first]).toEqual([first, false]);
    await it.run(first);
    expect(it.machine.query()).toBe(newer);
    await it.run(newer);
    expect(seen.reads).toBe(2);
  });

  test("that failed is not what the next one hears", async () => {
    const { it, seen } = slow(0);
    await using _it = it;
    seen.failing = true;
    await failureOf(it.run(it.machine.query()));
    seen.failing = false;
    expect((await it.run(it.machine.query())).state).toBe("on");
  });

  test("fails after 10 s, and what comes later still counts", async () => {
    const { it } = slow(12_000);
    await using _it = it;
    const from = it.now();
    const error = await failureOf(it.run(it.machine.query()));
    expect(error).toMatchObject({
      code: "timeout",
      message: "nuc1 could not be read within 10 s: its hub is busy",
      mayHaveActed: false,
    });
    expect([it.now() - from, it.machine.error]).toEqual([10_000, error]);
    await it.wait(2_001);
    expect([it.machine.reading?.state, it.machine.error]).toEqual(["on", undefined]);
  });

  test("that was given up and then fails is told as given up", async () => {
    const { it, seen } = slow(12_000);
    await using _it = it;
    seen.failing = true;
    const error = await failureOf(it.run(it.machine.query()));
    await it.wait(3_000);
    expect(it.machine.error).toBe(error);
  });

  test("takes exactly as long as its reads, and leaves nothing waiting", async () => {
    const { it } = slow(9_999);
    await using _it = it;
    const from = it.now();
    expect((await it.run(it.machine.query())).startedAt).toBe(from);
    await it.wait(20_000);
    expect(it.machine.error).toBeUndefined();
  });

  test("that is given up leaves the line of its hub", async () => {
    const stuck = new BareMachine({
      query: async () => {
        await stuck.bare.clock.sleep(15_000);
        return "on";
      },
    });
    await using it = stuck;
    // An order's read goes first, and is not given up.
    const order = it.machine.measure("order");
    await failureOf(it.run(it.machine.query()));
    expect(it.bare.hub.queued).toBe(0);
    expect((await it.run(order)).state).toBe("on");
  });
});
