import { describe, expect, test } from "vitest";
import type { Driver } from "../../src/power/driver.ts";
import { PowerError } from "../../src/power/errors.ts";
import { failureOf } from "../expecting.ts";
import { ASKING, BareHub } from "./bare-hub.ts";

async function nothing(): Promise<void> {}

describe("commanding an outlet", () => {
  /** A driver that notes what it is told. */
  function noting(sent: string[], off: "both" | "soft" | "hard" | "one"): Partial<Driver> {
    const note = (word: string) => async () => void sent.push(word);
    const ways = { soft: note("soft off"), hard: note("hard off") };
    return {
      on: note("on"),
      off: off === "one" ? note("off") : off === "both" ? ways : { [off]: ways[off] },
      reset: note("reset"),
    };
  }

  test.each([
    { off: "both", verb: "on", how: undefined, sent: "on" },
    { off: "both", verb: "reset", how: undefined, sent: "reset" },
    { off: "both", verb: "off", how: undefined, sent: "hard off" },
    { off: "both", verb: "off", how: "soft", sent: "soft off" },
    { off: "both", verb: "off", how: "hard", sent: "hard off" },
    { off: "one", verb: "off", how: "hard", sent: "off" },
  ] as const)("$verb $how, where it has $off, sends $sent", async ({ off, verb, how, sent }) => {
    const noted: string[] = [];
    await using bare = new BareHub(noting(noted, off));
    await bare.outlet().command(verb, how, ASKING);
    expect(noted).toEqual([sent]);
  });

  test.each([
    { off: "hard", verb: "off", how: "soft", words: "off (soft)" },
    { off: "soft", verb: "off", how: undefined, words: "off" },
    { off: "soft", verb: "off", how: "hard", words: "off (hard)" },
    { off: "both", verb: "cycle", how: undefined, words: "cycle" },
  ] as const)("$words, which it cannot, is unsupported", async ({ off, verb, how, words }) => {
    const noted: string[] = [];
    await using bare = new BareHub(noting(noted, off));
    const outlet = bare.outlet();
    expect(await failureOf(outlet.command(verb, how, ASKING))).toMatchObject({
      code: "unsupported",
      message: `strip outlet 1 has no way to ${words}`,
      mayHaveActed: false,
    });
    expect([noted, outlet.commandedAt]).toEqual([[], undefined]);
  });

  test("answers what is to be followed, and nothing where it just ended", async () => {
    const followed = { follow: async () => "done" as const };
    await using bare = new BareHub({ on: async () => followed, off: nothing });
    const now = bare.clock.now();
    expect(await bare.outlet().command("on", undefined, ASKING)).toEqual({
      value: followed,
      startedAt: now,
      endedAt: now,
    });
    expect(await bare.outlet().command("off", undefined, ASKING)).toEqual({
      value: undefined,
      startedAt: now,
      endedAt: now,
    });
  });

  test.each([true, "ok", undefined])("has nothing to follow where its driver answers %s", async (answer) => {
    await using bare = new BareHub({ on: async () => answer as unknown as undefined });
    expect((await bare.outlet().command("on", undefined, ASKING)).value).toBeUndefined();
  });

  test("may have acted when the driver failed in a way of its own, and a read never has", async () => {
    const broken = async () => {
      throw new TypeError("it broke");
    };
    await using bare = new BareHub({ on: broken, query: broken });
    expect(await failureOf(bare.outlet().command("on", undefined, ASKING))).toMatchObject({
      code: "protocol",
      message: "it broke",
      mayHaveActed: true,
    });
    expect(await failureOf(bare.outlet().read(ASKING))).toMatchObject({ code: "protocol", mayHaveActed: false });
  });

  test("is followed one exchange at a time", async () => {
    await using bare = new BareHub({});
    const over = new AbortController();
    const outlet = bare.outlet();
    const asked: AbortSignal[] = [];
    const followed = {
      follow: async (signal: AbortSignal) => {
        asked.push(signal);
        return "pending" as const;
      },
    };
    expect((await outlet.follow(followed, { ...ASKING, signal: over.signal })).value).toBe("pending");
    expect(asked).toHaveLength(1);
    expect(outlet.commandedAt).toBeUndefined();
  });

  test("that fails while it is followed cannot have acted by that", async () => {
    await using bare = new BareHub({});
    const follow = async () => {
      throw new TypeError("no such task");
    };
    expect(await failureOf(bare.outlet().follow({ follow }, ASKING))).toMatchObject({ mayHaveActed: false });
  });
});

describe("when an outlet was commanded last", () => {
  test("is the end of the command, whether it failed or not", async () => {
    await using bare = new BareHub({
      on: async () => {
        await bare.clock.sleep(250);
        throw new PowerError("refused", "no");
      },
    });
    const outlet = bare.outlet();
    expect(outlet.commandedAt).toBeUndefined();
    const from = bare.clock.now();
    await failureOf(bare.run(outlet.command("on", undefined, ASKING)));
    expect(outlet.commandedAt).toBe(from + 250);
  });

  test("is known to all who use it by that name, and to no other", async () => {
    await using bare = new BareHub({ on: nothing });
    await bare.outlet({ outlet: 1, wait: 3 }).command("on", undefined, ASKING);
    const now = bare.clock.now();
    expect(bare.outlet({ outlet: "1" }).commandedAt).toBe(now);
    expect(bare.outlet({ outlet: "2" }).commandedAt).toBeUndefined();
  });

  test("is known by the same settings where it has no name", async () => {
    await using bare = new BareHub({ on: nothing });
    const settings = { topic: "a" };
    await bare.outlet(settings).command("on", undefined, ASKING);
    expect(bare.outlet(settings).commandedAt).toBe(bare.clock.now());
    expect(bare.outlet({ topic: "a" }).commandedAt).toBeUndefined();
  });

  test.each([null, "no settings"])("is known of the one outlet that has no settings: %s", async (settings) => {
    await using bare = new BareHub({ on: nothing });
    await bare.outlet(settings).command("on", undefined, ASKING);
    expect(bare.outlet(settings).commandedAt).toBe(bare.clock.now());
  });
});
