import { describe, expect, test } from "vitest";
import { Batches } from "../../src/power/batch.ts";
import type { QueryAnswer } from "../../src/power/driver.ts";
import { PowerError } from "../../src/power/errors.ts";
import type { Priority } from "../../src/power/lane.ts";
import { VirtualClock } from "../virtual-clock.ts";

type Answers = readonly (QueryAnswer | PowerError)[];

/** A clock whose sleeps can take longer than they should, as those of a busy process do. */
class SluggishClock extends VirtualClock {
  /** What the next sleeps take instead (ms). */
  readonly late: number[] = [];
  slept: () => void = () => undefined;

  override async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await super.sleep(this.late.shift() ?? ms, signal);
    this.slept();
  }
}

interface Taken {
  readonly priority: Priority;
  /** When it began (ms after the desk was made). */
  begunAt?: number;
  outlets?: readonly unknown[];
  /** Its turn has come: answers it, or fails it. */
  readonly begin: () => void;
  readonly answer: (answers: Answers) => void;
  readonly fail: (error: Error) => void;
}

/** Reads of one hub whose turns come when the test says so; at once where nothing else is said. */
class Desk {
  readonly clock = new SluggishClock();
  readonly traffic = { asked: 0 };
  readonly taken: Taken[] = [];
  readonly #began = this.clock.now();
  /** What every exchange answers by itself as soon as it is taken. */
  answers: ((outlets: readonly unknown[]) => Answers) | undefined = (outlets) => outlets.map(() => "on");
  readonly batches = new Batches({
    clock: this.clock,
    traffic: this.traffic,
    exchange: (priority, outlets) =>
      new Promise((resolve, reject) => {
        const taken: Taken = {
          priority,
          begin: () => {
            taken.begunAt = this.at;
            taken.outlets = outlets();
          },
          answer: (value) => resolve({ value, startedAt: 11, endedAt: 22 }),
          fail: reject,
        };
        this.taken.push(taken);
        if (!this.answers) return;
        taken.begin();
        taken.answer(this.answers(taken.outlets ?? []));
      }),
  });

  /** Ms after it was made. */
  get at(): number {
    return this.clock.now() - this.#began;
  }

  get begun(): number[] {
    return this.taken.map(({ begunAt }) => begunAt ?? -1);
  }

  /** The exchange that was the `index`th to ask for its turn. */
  turn(index: number): Taken {
    const taken = this.taken[index];
    if (!taken) throw new Error(`only ${this.taken.length} exchanges asked for their turn`);
    return taken;
  }

  read(settings: unknown, priority: Priority = "query") {
    const answer = this.batches.read(settings, priority);
    answer.catch(() => undefined);
    return answer;
  }

  wait(ms: number): Promise<void> {
    return this.clock.run(VirtualClock.prototype.sleep.call(this.clock, ms));
  }
}

/** Settings of outlets; what they are does not matter, only which. */
const [A, B, C] = [{ outlet: "a" }, { outlet: "b" }, { outlet: "c" }];

describe("reads that come together", () => {
  test("are one exchange, in the order they came, and each gets its own answer with the times of all", async () => {
    const desk = new Desk();
    desk.answers = () => ["on", { state: "off", evidence: "open" }, "off"];
    const reads = [A, B, C].map((outlet) => desk.read(outlet));
    expect(await desk.clock.run(Promise.all(reads))).toEqual([
      { value: "on", startedAt: 11, endedAt: 22 },
      { value: { state: "off", evidence: "open" }, startedAt: 11, endedAt: 22 },
      { value: "off", startedAt: 11, endedAt: 22 },
    ]);
    expect(desk.taken.map(({ outlets }) => outlets)).toEqual([[A, B, C]]);
    expect(desk.traffic.asked).toBe(3);
  });

  test("of one outlet ask for it once, and all of them get the answer", async () => {
    const desk = new Desk();
    const reads = [desk.read(A), desk.read(B), desk.read(A)];
    desk.answers = () => ["on", "off"];
    expect((await desk.clock.run(Promise.all(reads))).map(({ value }) => value)).toEqual(["on", "off", "on"]);
    expect(desk.taken.map(({ outlets }) => outlets)).toEqual([[A, B]]);
  });

  test("fail one by one where the device says so, and the others are answered", async () => {
    const desk = new Desk();
    const gone = new PowerError("unreachable", "socket 2 does not answer");
    desk.answers = () => ["on", gone, "off"];
    const reads = await desk.clock.run(Promise.allSettled([A, B, C].map((outlet) => desk.read(outlet))));
    expect(reads).toEqual([
      { status: "fulfilled", value: { value: "on", startedAt: 11, endedAt: 22 } },
      { status: "rejected", reason: gone },
      { status: "fulfilled", value: { value: "off", startedAt: 11, endedAt: 22 } },
    ]);
  });

  test("for which the driver gave too few answers are failures of the driver", async () => {
    const desk = new Desk();
    desk.answers = () => ["on"];
    const [first, second] = [desk.read(A), desk.read(B)];
    expect(await desk.clock.run(first)).toMatchObject({ value: "on" });
    await expect(desk.clock.run(second)).rejects.toMatchObject({
      code: "protocol",
      message: "the driver did not answer for every outlet",
    });
  });

  test("all fail with the exchange, and the next reads begin another", async () => {
    const desk = new Desk();
    desk.answers = undefined;
    const reads = [desk.read(A), desk.read(B)];
    await desk.wait(20);
    const refused = new PowerError("unreachable", "the hub is spared");
    desk.turn(0).fail(refused);
    for (const read of reads) await expect(read).rejects.toBe(refused);
    desk.answers = (outlets) => outlets.map(() => "off");
    expect(await desk.clock.run(desk.read(B))).toMatchObject({ value: "off" });
    expect(desk.taken.map(({ outlets }) => outlets)).toEqual([undefined, [B]]);
  });
});

describe("who asks first", () => {
  test("waits one window for others", async () => {
    const desk = new Desk();
    await desk.clock.run(desk.read(A));
    expect(desk.begun).toEqual([5]);
  });

  test("waits until a whole window passed in which nobody asked", async () => {
    const desk = new Desk();
    const first = desk.read(A);
    await desk.wait(3);
    void desk.read(B);
    await desk.wait(5);
    const third = desk.read(C);
    await desk.clock.run(Promise.all([first, third]));
    expect(desk.begun).toEqual([15]);
    expect(desk.taken[0]?.outlets).toEqual([A, B, C]);
  });

  test("waits as well while others are asked for on another hub", async () => {
    const desk = new Desk();
    const first = desk.read(A);
    await desk.wait(4);
    desk.traffic.asked += 1;
    await desk.clock.run(first);
    expect(desk.begun).toEqual([10]);
  });

  test("waits another window after one that took twice its time, for the process was busy", async () => {
    const desk = new Desk();
    desk.clock.late.push(10);
    await desk.clock.run(desk.read(A));
    expect(desk.begun).toEqual([15]);
  });

  test("waits no longer after one that was a little late", async () => {
    const desk = new Desk();
    desk.clock.late.push(9);
    await desk.clock.run(desk.read(A));
    expect(desk.begun).toEqual([9]);
  });

  test("waits for two windows when both took twice their time", async () => {
    const desk = new Desk();
    desk.clock.late.push(10, 10);
    await desk.clock.run(desk.read(A));
    expect(desk.begun).toEqual([25]);
  });

  test("waits a quarter of a second at most, however many come", async () => {
    const desk = new Desk();
    desk.clock.slept = () => {
      desk.traffic.asked += 1;
    };
    await desk.clock.run(desk.read(A));
    expect(desk.begun).toEqual([250]);
  });
});

describe("who asks later", () => {
  test("joins while the exchange waits for its turn, and not once it has begun", async () => {
    const desk = new Desk();
    desk.answers = undefined;
    const first = desk.read(A);
    await desk.wait(100);
    const second = desk.read(B);
    desk.turn(0).begin();
    const third = desk.read(C);
    await desk.wait(100);
    desk.turn(1).begin();
    expect(desk.taken.map(({ outlets }) => outlets)).toEqual([[A, B], [C]]);
    desk.turn(0).answer(["on", "off"]);
    desk.turn(1).answer(["off"]);
    expect((await desk.clock.run(Promise.all([first, second, third]))).map(({ value }) => value)).toEqual([
      "on",
      "off",
      "off",
    ]);
  });

  test("joins those who gather now, though an earlier exchange has just ended", async () => {
    const desk = new Desk();
    desk.answers = undefined;
    const first = desk.read(A);
    await desk.wait(20);
    desk.turn(0).begin();
    const second = desk.read(B);
    await desk.wait(20);
    desk.turn(0).answer(["on"]);
    await desk.clock.run(first);
    const third = desk.read(C);
    await desk.wait(50);
    expect(desk.taken).toHaveLength(2);
    desk.turn(1).begin();
    expect(desk.taken[1]?.outlets).toEqual([B, C]);
    desk.turn(1).answer(["off", "on"]);
    expect((await desk.clock.run(Promise.all([second, third]))).map(({ value }) => value)).toEqual(["off", "on"]);
  });

  test("does not make those of another priority wait: orders and queries are read apart", async () => {
    const desk = new Desk();
    const reads = [desk.read(A), desk.read(B, "order"), desk.read(C)];
    await desk.clock.run(Promise.all(reads));
    expect(desk.taken.map(({ priority, outlets }) => [priority, outlets])).toEqual([
      ["query", [A, C]],
      ["order", [B]],
    ]);
  });
});
