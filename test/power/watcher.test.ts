import { describe, expect, test } from "vitest";
import { DEFAULT_PACE, type QueryAnswer, type WatchListener } from "../../src/power/driver.ts";
import { PowerError } from "../../src/power/errors.ts";
import { Watcher } from "../../src/power/watcher.ts";
import { BareHub } from "./bare-hub.ts";

const HUNG_UP = new PowerError("unreachable", "it hung up");

/** A watcher of outlets `a` and `b`, and the device that tells it something. */
function watching(options: { readonly opens?: () => Promise<void>; readonly mute?: boolean } = {}) {
  const life: string[] = [];
  const openedAt: number[] = [];
  const passed: unknown[][] = [];
  let listener: WatchListener<unknown> | undefined;
  const bare = new BareHub({
    connect: () => "connection",
    watch: async (hub: unknown, outlets: readonly unknown[], told, { signal }) => {
      openedAt.push(bare.clock.now());
      passed.push([hub, outlets, signal.aborted]);
      listener = told;
      await options.opens?.();
      if (options.mute) return undefined;
      life.push("open");
      return () => void life.push("closed");
    },
  });
  const settings = { a: { topic: "a" }, b: { topic: "b" } };
  const outlet = (name: "a" | "b") => ({
    settings: settings[name],
    heard: () => void life.push(`heard ${name}`),
    lost: (error: PowerError) => void life.push(`lost ${name}: ${error.message}`),
  });
  const watcher = new Watcher(bare.hub, {
    outlets: [outlet("a"), outlet("b")],
    clock: bare.clock,
    useless: () => void life.push("useless"),
  });
  const wait = (ms: number) => bare.run(bare.clock.sleep(ms));
  const tell = (of: unknown, answer: QueryAnswer) => listener?.state(of, answer);
  const lose = (error = HUNG_UP) => listener?.lost(error);
  return { bare, watcher, settings, life, openedAt, passed, wait, tell, lose };
}

type Watching = ReturnType<typeof watching>;

async function end({ watcher, bare }: Watching): Promise<void> {
  await bare.run(watcher[Symbol.asyncDispose]());
  await bare[Symbol.asyncDispose]();
}

describe("a watch", () => {
  test("is opened for all outlets in one exchange, and closed at its end without a word", async () => {
    const it = watching();
    expect(it.watcher.alive).toBe(false);
    await it.wait(1);
    expect([it.watcher.alive, it.passed]).toEqual([true, [["connection", [it.settings.a, it.settings.b], false]]]);
    expect(it.bare.hub.lastExchange).toBeDefined();
    await end(it);
    expect([it.watcher.alive, it.life]).toEqual([false, ["open", "closed"]]);
  });

  test("of a device that tells nothing unasked ends at once, and is not tried again", async () => {
    const it = watching({ mute: true });
    await it.wait(120_000);
    expect([it.life, it.openedAt.length, it.watcher.alive]).toEqual([["useless"], 1, false]);
    await end(it);
  });

  test("keeps what comes with the time it came, and tells those who read that outlet alone", async () => {
    const it = watching();
    await it.wait(1_000);
    it.tell(it.settings.b, "on");
    const at = it.bare.clock.now();
    await it.wait(500);
    expect(it.watcher.pushed(it.settings.b)).toEqual({ answer: { state: "on" }, at });
    expect([it.watcher.pushed(it.settings.a), it.life]).toEqual([undefined, ["open", "heard b"]]);
    await end(it);
    expect(it.watcher.pushed(it.settings.b)).toBeUndefined();
  });

  test("keeps when it was true where the device tells that", async () => {
    const it = watching();
    await it.wait(1_000);
    it.tell(it.settings.a, { state: "off", at: 7 });
    expect(it.watcher.pushed(it.settings.a)).toEqual({ answer: { state: "off", at: 7 }, at: 7 });
    await end(it);
  });

  test("leaves aside what is no state, and what is told of others", async () => {
    const it = watching();
    await it.wait(1_000);
    it.tell(it.settings.a, "on");
    it.tell(it.settings.a, "maybe" as QueryAnswer);
    it.tell({ topic: "a" }, "off");
    expect(it.watcher.pushed(it.settings.a)?.answer).toEqual({ state: "on" });
    expect(it.life).toEqual(["open", "heard a"]);
    await end(it);
  });

  test("tells what came while it was opened once it is open", async () => {
    const it: Watching = watching({
      opens: async () => {
        it.tell(it.settings.b, "on");
        it.life.push("told");
        expect(it.watcher.pushed(it.settings.b)).toBeUndefined();
      },
    });
    await it.wait(1);
    expect(it.life).toEqual(["told", "open", "heard b"]);
    expect(it.watcher.pushed(it.settings.b)?.answer).toEqual({ state: "on" });
    await end(it);
  });

  test("takes what was read in an exchange like what is told, where it is newer", async () => {
    const it = watching();
    const { a, b } = it.settings;
    it.watcher.read(a, { value: "on", startedAt: it.bare.clock.now() });
    await it.wait(1_000);
    expect(it.watcher.pushed(a)).toBeUndefined();
    it.tell(a, "on");
    const now = it.bare.clock.now();
    it.watcher.read(a, { value: "off", startedAt: now - 1 });
    it.watcher.read(a, { value: "off", startedAt: now });
    it.watcher.read(a, { value: { state: "off", at: now - 1 }, startedAt: now + 1 });
    expect(it.watcher.pushed(a)).toEqual({ answer: { state: "on" }, at: now });
    it.watcher.read(a, { value: "off", startedAt: now + 1 });
    expect(it.watcher.pushed(a)).toEqual({ answer: { state: "off" }, at: now + 1 });
    it.watcher.read(b, { value: "on", startedAt: now });
    expect(it.watcher.pushed(b)).toEqual({ answer: { state: "on" }, at: now });
    const stranger = { topic: "c" };
    it.watcher.read(stranger, { value: "on", startedAt: now });
    expect([it.watcher.pushed(stranger), it.life]).toEqual([undefined, ["open", "heard a"]]);
    await end(it);
  });
});

describe("a watch that was lost", () => {
  test("is told to all who read, nothing of it counts, and after a second it opens again", async () => {
    const it = watching();
    await it.wait(1_000);
    const { a } = it.settings;
    it.tell(a, "on");
    it.lose();
    await it.wait(0);
    expect(it.life).toEqual(["open", "heard a", "lost a: it hung up", "lost b: it hung up", "closed"]);
    expect([it.watcher.alive, it.watcher.pushed(a)]).toEqual([false, undefined]);
    await it.wait(999);
    expect(it.openedAt).toHaveLength(1);
    await it.wait(1);
    expect([it.openedAt.length, it.watcher.alive, it.watcher.pushed(a)]).toEqual([2, true, undefined]);
    expect(it.life.at(-1)).toBe("open");
    await end(it);
  });

  test("is so as well when the session it listens on is not trusted any more", async () => {
    const it = watching();
    await it.wait(1_000);
    it.watcher.broken(new PowerError("timeout", "no answer"));
    await it.wait(0);
    expect(it.life).toEqual(["open", "lost a: no answer", "lost b: no answer", "closed"]);
    await end(it);
  });

  test("opens again every time it was lost", async () => {
    const it = watching();
    await it.wait(10);
    for (let time = 0; time < 7; time++) {
      it.lose();
      await it.wait(1_001);
    }
    expect([it.openedAt.length, it.watcher.alive]).toEqual([8, true]);
    await end(it);
  });
});

describe("a watch that cannot be opened", () => {
  test("again is tried after pauses that grow, and after the first one again once it could", async () => {
    let refuses = false;
    const it = watching({
      opens: async () => {
        if (refuses) throw new PowerError("refused", "too many watch");
      },
    });
    await it.wait(10);
    refuses = true;
    it.lose();
    await it.wait(0);
    const from = it.bare.clock.now();
    await it.wait(90_000);
    expect(it.openedAt.slice(1).map((at) => (at - from) / 1_000)).toEqual([1, 3, 8, 23, 53, 83]);
    expect(it.watcher.alive).toBe(false);
    refuses = false;
    await it.wait(30_000);
    expect([it.openedAt.length, it.watcher.alive]).toEqual([8, true]);
    it.lose();
    await it.wait(0);
    await it.wait(1_000);
    expect([it.openedAt.length, it.watcher.alive]).toEqual([9, true]);
    await end(it);
  });

  test("is not tried any more at its end, which waits for nothing", async () => {
    const it = watching({ opens: () => Promise.reject(new PowerError("refused", "no")) });
    await it.wait(10_000);
    const from = it.bare.clock.now();
    const attempts = it.openedAt.length;
    await end(it);
    await it.wait(60_000);
    expect([it.openedAt.length, it.bare.clock.now()]).toEqual([attempts, from + 60_000]);
  });

  test("is closed as it opens where its end came first", async () => {
    const it: Watching = watching({ opens: () => it.bare.clock.sleep(500) });
    await it.wait(100);
    await end(it);
    expect([it.life, it.watcher.alive, it.openedAt.length]).toEqual([["open", "closed"], false, 1]);
  });

  test("waits no longer for its turn once its end has come", async () => {
    await using bare = new BareHub({ watch: async () => () => undefined });
    const busy = bare.hub.exchange({ priority: "order", kind: "read", run: () => bare.clock.sleep(5_000) });
    const watcher = new Watcher(bare.hub, { outlets: [], clock: bare.clock, useless: () => undefined });
    const from = bare.clock.now();
    await bare.run(watcher[Symbol.asyncDispose]());
    expect([bare.hub.queued, bare.clock.now()]).toEqual([0, from]);
    await bare.run(busy);
  });
});

describe("the end of a watch", () => {
  test("is when the device was told", async () => {
    let closed = false;
    await using bare: BareHub = new BareHub({
      watch: async () => async () => {
        await bare.clock.sleep(300);
        closed = true;
      },
    });
    const watcher = new Watcher(bare.hub, { outlets: [], clock: bare.clock, useless: () => undefined });
    await bare.run(bare.clock.sleep(1));
    await bare.run(watcher[Symbol.asyncDispose]());
    expect(closed).toBe(true);
  });
});

describe("a hub that listens", () => {
  test("keeps its session open, however long nobody asks it anything", async () => {
    let closed = 0;
    await using bare = new BareHub(
      {
        watch: async () => () => undefined,
        disconnect: () => {
          closed += 1;
        },
      },
      { pace: { ...DEFAULT_PACE, idle: 20 } },
    );
    bare.hub.watch([{ settings: {}, heard: () => undefined, lost: () => undefined }]);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect([bare.hub.connected, closed]).toEqual([true, 0]);
  });
});
