import { describe, expect, test } from "vitest";
import { DEFAULT_PACE, type Driver, type QueryAnswer, type WatchListener } from "../../src/power/driver.ts";
import { PowerError } from "../../src/power/errors.ts";
import { failureOf } from "../expecting.ts";
import { ASKING, BareHub } from "./bare-hub.ts";

async function nothing(): Promise<void> {}

function answering(answer: unknown): Partial<Driver> {
  return { query: async () => answer as QueryAnswer };
}

describe("an outlet", () => {
  test.each([
    { what: "a relay", driver: {}, repeatable: true },
    { what: "a button", driver: { momentary: true }, repeatable: false },
    { what: "one that is a button by its settings", driver: { momentary: () => true }, repeatable: false },
    { what: "a script", driver: { repeatable: false }, repeatable: false },
  ])("that is $what may be commanded again without harm: $repeatable", async ({ driver, repeatable }) => {
    await using bare = new BareHub(driver);
    expect(bare.outlet().repeatable).toBe(repeatable);
  });

  test("settles as long as its hub", async () => {
    await using bare = new BareHub({}, { pace: { ...DEFAULT_PACE, settle: 700 } });
    expect(bare.outlet().settle).toBe(700);
  });
});

describe("reading an outlet", () => {
  test("tells when the exchange began and ended", async () => {
    await using bare = new BareHub({
      query: async () => {
        await bare.clock.sleep(300);
        return "on";
      },
    });
    const from = bare.clock.now();
    expect(await bare.run(bare.outlet().read(ASKING))).toEqual({
      value: { state: "on" },
      startedAt: from,
      endedAt: from + 300,
    });
  });

  test.each([
    { at: -5_000, startedAt: -5_000 },
    { at: 5_000, startedAt: 0 },
  ])("of what was true $at ms from now counts from $startedAt ms from now", async ({ at, startedAt }) => {
    await using bare = new BareHub({ query: async () => ({ state: "on", at: bare.clock.now() + at }) });
    const now = bare.clock.now();
    expect((await bare.outlet().read(ASKING)).startedAt).toBe(now + startedAt);
  });

  test("passes the settings, the machine and its last state to the driver", async () => {
    const passed: unknown[] = [];
    await using bare = new BareHub({
      connect: () => "connection",
      query: async (hub: unknown, outlet: unknown, { machine, last }) => {
        passed.push(hub, outlet, machine, last);
        return "on";
      },
    });
    const asking = { ...ASKING, last: { state: "off", at: 7 } } as const;
    await bare.outlet({ relay: 3 }).read(asking);
    expect(passed).toEqual(["connection", { relay: 3 }, { name: "nuc1" }, { state: "off", at: 7 }]);
  });

  test("that its driver cannot read is unsupported", async () => {
    await using bare = new BareHub({});
    expect(await failureOf(bare.outlet().read(ASKING))).toMatchObject({
      code: "unsupported",
      message: "strip outlet 1 cannot be read",
      mayHaveActed: false,
    });
  });

  test.each([
    { answer: "maybe", named: "maybe" },
    { answer: { state: "maybe" }, named: "maybe" },
    { answer: { state: null }, named: "null" },
    { answer: null, named: "undefined" },
    { answer: undefined, named: "undefined" },
  ])("whose driver answers $answer is a failure of the protocol", async ({ answer, named }) => {
    await using bare = new BareHub(answering(answer));
    expect(await failureOf(bare.outlet().read(ASKING))).toMatchObject({
      code: "protocol",
      message: `the driver answered "${named}", which is no state`,
    });
  });

  test("takes longer than the outlet's own time and is given up, whatever the time of the hub", async () => {
    await using bare = new BareHub({
      query: (_hub, _outlet, { signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason as Error));
        }),
    });
    const hub = { ...bare.spec, pace: { ...DEFAULT_PACE, timeout: 20 } };
    expect(await failureOf(bare.outlet({}, { hub }).read(ASKING))).toMatchObject({
      code: "timeout",
      message: "strip did not answer within 20 ms",
    });
  });

  test("gives up its turn when nobody wants it any more", async () => {
    await using bare = new BareHub({
      query: async () => {
        await bare.clock.sleep(1_000);
        return "on";
      },
    });
    const first = bare.outlet().read(ASKING);
    const over = new AbortController();
    const second = bare.outlet().read({ ...ASKING, signal: over.signal });
    over.abort(new PowerError("superseded", "nobody wants it"));
    expect((await failureOf(second)).message).toBe("nobody wants it");
    expect((await bare.run(first)).value).toEqual({ state: "on" });
  });

  test("for an order goes before a query that came earlier", async () => {
    const asked: unknown[] = [];
    await using bare = new BareHub({
      query: async (_hub, outlet: unknown) => {
        asked.push(outlet);
        await bare.clock.sleep(100);
        return "on";
      },
    });
    const reads = (["query", "query", "order"] as const).map((priority, index) =>
      bare.outlet(index).read({ ...ASKING, priority }),
    );
    await bare.run(Promise.all(reads));
    expect(asked).toEqual([0, 2, 1]);
  });
});

describe("what a device told of an outlet unasked", () => {
  /** A hub that listens, and what it is told with. It answers what `answers` does. */
  async function listening(answers: (bare: BareHub) => Promise<QueryAnswer> = async () => "off") {
    let told: WatchListener<unknown> | undefined;
    const settings = { outlet: "1" };
    const bare: BareHub = new BareHub({
      query: () => answers(bare),
      on: nothing,
      watch: async (_hub, _outlets, listener) => {
        told = listener;
        return () => undefined;
      },
    });
    bare.hub.watch([{ settings, heard: () => undefined, lost: () => undefined }]);
    await new Promise((resolve) => setImmediate(resolve));
    return { bare, outlet: bare.outlet(settings), tell: (answer: QueryAnswer) => told?.state(settings, answer) };
  }

  test("answers a query, and no order", async () => {
    const { bare, outlet, tell } = await listening();
    await using _bare = bare;
    const at = bare.clock.now();
    tell({ state: "on", evidence: "it said so" });
    await bare.run(bare.clock.sleep(2_000));
    expect(await outlet.read({ ...ASKING, priority: "query" })).toEqual({
      value: { state: "on", evidence: "it said so" },
      startedAt: at,
      endedAt: at,
    });
    expect((await outlet.read(ASKING)).value).toEqual({ state: "off" });
  });

  test("counts no more once the outlet was commanded", async () => {
    const { bare, outlet, tell } = await listening();
    await using _bare = bare;
    tell("on");
    await bare.run(bare.clock.sleep(1));
    await outlet.command("on", undefined, ASKING);
    expect((await outlet.read({ ...ASKING, priority: "query" })).value).toEqual({ state: "off" });
  });

  describe("while it was read", () => {
    /** Each read takes 100 ms, and tells what was so when it began. */
    async function slowly(states: readonly QueryAnswer[]) {
      let reads = 0;
      const at = await listening(async ({ clock }) => {
        const state = states[Math.min(reads, states.length - 1)] ?? "off";
        reads += 1;
        await clock.sleep(100);
        return state;
      });
      const read = (priority: "order" | "query" = "order") => at.outlet.read({ ...ASKING, priority });
      return { ...at, read, reads: () => reads, pause: (ms: number) => at.bare.run(at.bare.clock.sleep(ms)) };
    }

    test("otherwise, has it read again by an order", async () => {
      const { bare, tell, read, reads, pause } = await slowly(["on", "off"]);
      await using _bare = bare;
      const reading = read();
      await pause(50);
      tell("off");
      const { value, startedAt } = await bare.run(reading);
      expect([value, bare.clock.now() - startedAt, reads()]).toEqual([{ state: "off" }, 100, 2]);
    });

    test("otherwise, answers a query at once", async () => {
      const { bare, tell, read, reads, pause } = await slowly(["on"]);
      await using _bare = bare;
      const reading = read("query");
      await pause(50);
      tell("off");
      expect([(await bare.run(reading)).value, reads()]).toEqual([{ state: "off" }, 1]);
    });

    test.each<[string, QueryAnswer]>([
      ["the same", { state: "on", watts: 7 }],
      ["nothing definite", { state: "unknown" }],
    ])("and that was %s, leaves it as it was read", async (_what, told) => {
      const { bare, tell, read, reads, pause } = await slowly(["on"]);
      await using _bare = bare;
      const reading = read();
      await pause(50);
      tell(told);
      expect([(await bare.run(reading)).value, reads()]).toEqual([{ state: "on" }, 1]);
    });

    test("otherwise in the moment in which that began, leaves it as it was read", async () => {
      const { bare, tell, read, reads } = await slowly(["on"]);
      await using _bare = bare;
      tell("off");
      expect([(await bare.run(read())).value, reads()]).toEqual([{ state: "on" }, 1]);
    });

    test("leaves it as it was read where that is nothing definite", async () => {
      const { bare, tell, read, reads, pause } = await slowly([{ state: "unknown" }]);
      await using _bare = bare;
      const reading = read();
      await pause(50);
      tell("on");
      expect([(await bare.run(reading)).value, reads()]).toEqual([{ state: "unknown" }, 1]);
    });

    test("otherwise each time, leaves a failure", async () => {
      const { bare, outlet, tell, read, reads, pause } = await slowly(["on", "off", "on"]);
      await using _bare = bare;
      const failure = failureOf(read());
      await pause(50);
      for (const state of ["off", "on", "off"] as const) {
        tell(state);
        await pause(100);
      }
      expect(await bare.run(failure)).toMatchObject({
        code: "busy",
        message: `${outlet.label} changes faster than it can be read`,
        mayHaveActed: false,
      });
      expect(reads()).toBe(3);
    });
  });

  test("counts when it came as the command ended", async () => {
    const { bare, outlet, tell } = await listening();
    await using _bare = bare;
    await outlet.command("on", undefined, ASKING);
    tell("on");
    expect((await outlet.read({ ...ASKING, priority: "query" })).value).toEqual({ state: "on" });
  });
});

describe("a command to an outlet", () => {
  test("is sent in its turn, after what is to be done just before it", async () => {
    const life: string[] = [];
    await using bare = new BareHub({
      query: async () => {
        await bare.clock.sleep(100);
        life.push("read");
        return "on";
      },
      off: async () => void life.push("off"),
    });
    const outlet = bare.outlet();
    const reading = outlet.read(ASKING);
    await bare.run(outlet.command("off", undefined, ASKING, async () => void life.push("ready")));
    await reading;
    expect(life).toEqual(["read", "ready", "off"]);
  });

  test("is not sent when that fails", async () => {
    let sent = 0;
    await using bare = new BareHub({
      off: async () => {
        sent += 1;
      },
    });
    const changed = () => Promise.reject(new PowerError("busy", "it changed"));
    const failure = await failureOf(bare.outlet().command("off", undefined, ASKING, changed));
    expect(failure).toMatchObject({ code: "busy", message: "it changed", mayHaveActed: false });
    expect(sent).toBe(0);
  });
});

describe("the watts of an outlet", () => {
  test("are what its meter tells, with the time of the exchange", async () => {
    await using bare = new BareHub({ watts: async () => 0 });
    const now = bare.clock.now();
    expect(await bare.outlet().watts(ASKING)).toEqual({ value: 0, startedAt: now, endedAt: now });
  });

  test("are a failure where it has no meter", async () => {
    await using bare = new BareHub({});
    expect(await failureOf(bare.outlet().watts(ASKING))).toMatchObject({
      code: "protocol",
      message: "strip outlet 1 told no power in watts",
    });
  });
});
