import { describe, expect, test } from "vitest";
import { Lane, type Priority } from "../../src/power/lane.ts";
import { VirtualClock } from "../virtual-clock.ts";

/** Counts how often somebody goes to sleep. */
class CountingClock extends VirtualClock {
  sleeps = 0;

  override sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.sleeps += 1;
    return super.sleep(ms, signal);
  }
}

/** A lane whose exchanges begin when it lets them, and end when they are told. */
class Road {
  readonly clock = new CountingClock();
  readonly lane: Lane;
  readonly #began = this.clock.now();
  /** Names of exchanges, and when each began (ms after the road was made). */
  readonly started: (readonly [name: string, at: number])[] = [];
  readonly #ends = new Map<string, () => void>();

  constructor(concurrency: number, interval = 0) {
    this.lane = new Lane(this.clock, { concurrency, interval });
  }

  get names(): string[] {
    return this.started.map(([name]) => name);
  }

  give(name: string, priority: Priority = "query", signal?: AbortSignal): Promise<string> {
    return this.lane.run(priority, signal, async () => {
      this.started.push([name, this.clock.now() - this.#began]);
      await new Promise<void>((resolve) => {
        this.#ends.set(name, resolve);
      });
      return `${name} is done`;
    });
  }

  /** The exchange ends; whatever follows from it at once has happened when this resolves. */
  async end(name: string): Promise<void> {
    this.#ends.get(name)?.();
    await settled();
  }

  wait(ms: number): Promise<void> {
    return this.clock.run(this.clock.sleep(ms));
  }
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe("a lane", () => {
  test("carries as many exchanges at once as its hub bears, and the others in the order they came", async () => {
    const road = new Road(2);
    const all = ["a", "b", "c", "d"].map((name) => road.give(name));
    await settled();
    expect(road.names).toEqual(["a", "b"]);
    expect([road.lane.running, road.lane.queued]).toEqual([2, 2]);
    await road.end("b");
    expect(road.names).toEqual(["a", "b", "c"]);
    await road.end("a");
    expect(road.names).toEqual(["a", "b", "c", "d"]);
    expect([road.lane.running, road.lane.queued]).toEqual([2, 0]);
    await road.end("c");
    await road.end("d");
    expect([road.lane.running, road.lane.queued]).toEqual([0, 0]);
    expect(await Promise.all(all)).toEqual(["a is done", "b is done", "c is done", "d is done"]);
    expect(road.clock.sleeps).toBe(0);
  });

  test("takes orders before queries, whichever came first", async () => {
    const road = new Road(1);
    void road.give("running");
    void road.give("query 1");
    void road.give("order 1", "order");
    void road.give("query 2");
    void road.give("order 2", "order");
    expect(road.lane.queued).toBe(4);
    for (const name of ["running", "order 1", "order 2", "query 1", "query 2"]) {
      await settled();
      await road.end(name);
    }
    expect(road.names).toEqual(["running", "order 1", "order 2", "query 1", "query 2"]);
  });

  test("is free again after an exchange that failed, whose caller hears why", async () => {
    const road = new Road(1);
    const failing = road.lane.run("order", undefined, () => Promise.reject(new Error("no answer")));
    const next = road.give("next");
    await expect(failing).rejects.toThrow("no answer");
    await road.end("next");
    expect(await next).toBe("next is done");
    expect(road.lane.running).toBe(0);
  });

  test("lets more run as soon as one ends after its hub was said to bear more", async () => {
    const road = new Road(1);
    for (const name of ["a", "b", "c", "d"]) void road.give(name);
    await settled();
    road.lane.pace = { concurrency: 2, interval: 0 };
    await road.end("a");
    expect(road.names).toEqual(["a", "b", "c"]);
  });

  test("starts nothing while more run than its hub is now said to bear", async () => {
    const road = new Road(2);
    for (const name of ["a", "b", "c"]) void road.give(name);
    await settled();
    road.lane.pace = { concurrency: 1, interval: 0 };
    await road.end("a");
    expect(road.names).toEqual(["a", "b"]);
    await road.end("b");
    expect(road.names).toEqual(["a", "b", "c"]);
  });
});

describe("a lane with an interval", () => {
  test("keeps the starts so far apart, however short the exchanges are", async () => {
    const road = new Road(1, 200);
    for (const name of ["a", "b", "c"]) void road.give(name);
    await settled();
    await road.end("a");
    await road.wait(199);
    expect(road.names).toEqual(["a"]);
    await road.wait(1);
    await road.end("b");
    await road.wait(200);
    expect(road.started).toEqual([
      ["a", 0],
      ["b", 200],
      ["c", 400],
    ]);
  });

  test("keeps them apart as well where several may run at once", async () => {
    const road = new Road(3, 200);
    for (const name of ["a", "b", "c"]) void road.give(name);
    await road.wait(1_000);
    expect(road.started).toEqual([
      ["a", 0],
      ["b", 200],
      ["c", 400],
    ]);
  });

  test("starts the next at once when the last start is so long ago already", async () => {
    const road = new Road(1, 200);
    void road.give("a");
    void road.give("b");
    await road.wait(200);
    await road.end("a");
    await road.end("b");
    await road.wait(500);
    void road.give("c");
    await settled();
    expect(road.started).toEqual([
      ["a", 0],
      ["b", 200],
      ["c", 700],
    ]);
  });

  test("takes an order that comes during the pause before the queries that wait already", async () => {
    const road = new Road(1, 200);
    void road.give("a");
    void road.give("query");
    await settled();
    await road.end("a");
    void road.give("order", "order");
    await road.wait(200);
    expect(road.names).toEqual(["a", "order"]);
  });

  test("sleeps once for all that wait", async () => {
    const road = new Road(4, 200);
    for (const name of ["a", "b", "c", "d"]) void road.give(name);
    await settled();
    expect(road.clock.sleeps).toBe(1);
  });
});

describe("who waits in a lane", () => {
  test("does not get in line when nobody wants it any more", async () => {
    const road = new Road(1);
    const gone = road.give("gone", "query", AbortSignal.abort(new Error("too late")));
    await expect(gone).rejects.toThrow("too late");
    expect([road.names, road.lane.running, road.lane.queued]).toEqual([[], 0, 0]);
  });

  test.each<Priority>(["order", "query"])(
    "leaves the line of each %s when it gives up, and nobody else does",
    async (priority) => {
      const road = new Road(1);
      const giveUp = new AbortController();
      void road.give("running", priority);
      void road.give("before", priority);
      const leaving = road.give("leaving", priority, giveUp.signal);
      void road.give("after", priority);
      void road.give("last", priority);
      giveUp.abort(new Error("superseded"));
      await expect(leaving).rejects.toThrow("superseded");
      expect(road.lane.queued).toBe(3);
      for (const name of ["running", "before", "after", "last"]) await road.end(name);
      expect(road.names).toEqual(["running", "before", "after", "last"]);
      expect(road.lane.running).toBe(0);
    },
  );

  test("is forgotten when it gives up during a pause, and the lane stays free for others", async () => {
    const road = new Road(1, 200);
    const giveUp = new AbortController();
    void road.give("a");
    const leaving = road.give("leaving", "query", giveUp.signal);
    await settled();
    await road.end("a");
    giveUp.abort(new Error("superseded"));
    await expect(leaving).rejects.toThrow("superseded");
    await road.wait(1_000);
    expect([road.lane.running, road.lane.queued]).toEqual([0, 0]);
    void road.give("b");
    await settled();
    expect(road.started.at(-1)).toEqual(["b", 1_000]);
  });

  test("is not cut short once it has begun, and takes nobody with it", async () => {
    const road = new Road(1);
    const giveUp = new AbortController();
    const begun = road.give("begun", "query", giveUp.signal);
    void road.give("b");
    void road.give("c");
    await settled();
    giveUp.abort(new Error("superseded"));
    expect(road.lane.queued).toBe(2);
    await road.end("begun");
    expect(await begun).toBe("begun is done");
    await road.end("b");
    expect(road.names).toEqual(["begun", "b", "c"]);
  });
});
