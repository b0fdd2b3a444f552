import { describe, expect, test, vi } from "vitest";
import { ERROR_CODES, type ErrorCode, PowerError } from "../../src/power/errors.ts";
import { holdRealTime, pass, settled, Workbench } from "./workbench.ts";

const GONE = new PowerError("unreachable", "it does not answer");

// The time an exchange may take is real time.
holdRealTime();

describe("an exchange", () => {
  test("tells when it was handed to the driver, which is after its turn and after the session was opened", async () => {
    let bench: Workbench | undefined;
    await using made = new Workbench({ driver: { connect: () => bench?.clock.sleep(300) } });
    bench = made;
    const exchanges = [1, 2].map(() =>
      made.exchange({
        run: async () => {
          await made.clock.sleep(50);
          return "told";
        },
      }),
    );
    expect(await made.run(Promise.all(exchanges))).toEqual([
      { value: "told", startedAt: made.began + 300, endedAt: made.began + 350 },
      { value: "told", startedAt: made.began + 350, endedAt: made.began + 400 },
    ]);
    expect(made.hub.lastExchange).toEqual({ at: made.began + 350, durationMs: 50 });
    expect(made.hub.exchanges).toMatchObject({ count: 2, durationMs: 400, failures: new Map() });
  });

  test("is counted while it lasts, whether it succeeds or fails", async () => {
    await using bench = new Workbench({ pace: { concurrency: 2 } });
    expect(bench.hub.lastExchange).toBeUndefined();
    const [good, bad, waiting] = [bench.held(), bench.held(), bench.held()];
    await settled();
    expect([bench.traffic.open, bench.hub.running, bench.hub.queued]).toEqual([2, 2, 1]);
    bad.fail(new PowerError("refused", "no"));
    await settled();
    good.end();
    await settled();
    expect([bench.traffic.open, bench.hub.running, bench.hub.queued]).toEqual([1, 1, 0]);
    waiting.end();
    await settled();
    expect([bench.traffic.open, bench.hub.running, bench.hub.queued]).toEqual([0, 0, 0]);
    expect(bench.hub.exchanges.count).toBe(3);
    expect(bench.hub.exchanges.failures).toEqual(new Map([["refused", 1]]));
  });

  test("that waits is taken back when nobody wants it any more, and says nothing of the hub", async () => {
    await using bench = new Workbench();
    const giveUp = new AbortController();
    const first = bench.held();
    const second = bench.held({ signal: giveUp.signal });
    giveUp.abort(new PowerError("superseded", "off by anna took its place"));
    await expect(second.done).rejects.toMatchObject({ code: "superseded" });
    await settled();
    first.end();
    await first.done;
    expect([second.begun, bench.hub.exchanges.count, bench.hub.exchanges.failures.size]).toEqual([false, 1, 0]);
  });
});

describe("a failed exchange", () => {
  const fault = new TypeError("cannot read properties of undefined");
  const refused = new PowerError("refused", "the relay is locked");
  const lost = new PowerError("timeout", "the answer was lost", { mayHaveActed: true });

  test.each([
    ["command", "run", fault, true],
    ["command", "connect", fault, false],
    ["read", "run", fault, false],
    ["read", "connect", fault, false],
  ] as const)(
    "by a fault of the driver: a %s in %s is of the code protocol, and may have acted: %s",
    async (kind, where, cause, mayHaveActed) => {
      await using bench = new Workbench({
        driver: where === "connect" ? { connect: () => Promise.reject(cause) } : {},
      });
      const error = await bench.fails(cause, { kind });
      expect(error).toBeInstanceOf(PowerError);
      expect(error).toMatchObject({ code: "protocol", message: cause.message, mayHaveActed });
      expect(error.cause).toBe(cause);
      expect(bench.hub.exchanges.failures).toEqual(new Map([["protocol", 1]]));
    },
  );

  test.each([
    ["command", refused],
    ["command", lost],
    ["read", refused],
  ] as const)("is told in the driver's own words: %s, %s", async (kind, error) => {
    await using bench = new Workbench();
    expect(await bench.fails(error, { kind })).toBe(error);
  });
});

describe("an exchange that takes too long", () => {
  test.each([
    ["command", "run", true],
    ["command", "connect", false],
    ["read", "run", false],
    ["read", "connect", false],
  ] as const)("fails: a %s that hangs in %s may have acted: %s", async (kind, where, mayHaveActed) => {
    const hang = (signal: AbortSignal) =>
      new Promise<void>((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    const driver =
      where === "connect" ? { connect: (_: unknown, ctx: { signal: AbortSignal }) => hang(ctx.signal) } : {};
    await using bench = new Workbench({ driver });
    let told: unknown;
    const exchange = bench.exchange({
      kind,
      run: async (_, signal) => {
        signal.addEventListener("abort", () => {
          told = signal.reason;
        });
        await hang(signal);
      },
    });
    await pass(4_999);
    expect(bench.hub.running).toBe(1);
    await pass(1);
    const error = await exchange.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "timeout", message: "bench did not answer within 5000 ms", mayHaveActed });
    expect(told).toBe(where === "run" ? error : undefined);
    expect([bench.hub.running, bench.hub.exchanges.failures]).toEqual([0, new Map([["timeout", 1]])]);
  });

  test("has the time of its outlet where that has its own", async () => {
    await using bench = new Workbench();
    const exchange = bench.held({ kind: "command", timeout: 70 });
    await pass(70);
    exchange.end();
    await expect(exchange.done).rejects.toMatchObject({ message: "bench did not answer within 70 ms" });
  });

  test("fails as well while it waits for the end of what used the device before", async () => {
    let ready: () => void = () => undefined;
    await using bench = new Workbench({
      ready: new Promise((resolve) => {
        ready = resolve;
      }),
    });
    const exchange = bench.held({ kind: "command" });
    await pass(5_000);
    expect(exchange.begun).toBe(false);
    expect(bench.life).toEqual([]);
    ready();
    await settled();
    exchange.end();
    await expect(exchange.done).rejects.toMatchObject({ code: "timeout", mayHaveActed: false });
  });

  test("has five seconds more to let go before the lane goes on without it, and fails whatever it says then", async () => {
    await using bench = new Workbench();
    const [deaf, next] = [bench.held(), bench.held()];
    await pass(5_000);
    await pass(4_999);
    expect([bench.hub.running, bench.hub.queued, next.begun]).toEqual([1, 1, false]);
    await pass(1);
    await expect(deaf.done).rejects.toMatchObject({ code: "timeout" });
    expect(next.begun).toBe(true);
    deaf.end();
    next.end();
    expect((await next.done).value).toBe("ended");
  });

  test("holds up nobody once it let go", async () => {
    await using bench = new Workbench();
    const [slow, next] = [bench.held(), bench.held()];
    await pass(5_000);
    slow.end();
    await settled();
    expect(next.begun).toBe(true);
    await expect(slow.done).rejects.toMatchObject({ code: "timeout" });
    next.end();
    await next.done;
    await settled();
    // That which closes the connection when it is idle.
    expect(vi.getTimerCount()).toBe(1);
  });
});

describe("what a failure says of the hub", () => {
  /** It answered, and its connection is as good as before. */
  const ANSWERED: readonly ErrorCode[] = ["refused", "busy", "not_found", "unsupported", "config"];
  const DEAD: readonly ErrorCode[] = ["unreachable", "timeout", "auth", "wrong_device"];

  test.each(ERROR_CODES)("%s", async (code) => {
    await using bench = new Workbench();
    const error = new PowerError(code, "it failed");
    await bench.exchange();
    await bench.fails(error);
    await settled();
    expect(bench.hub.connected).toBe(ANSWERED.includes(code));
    expect(bench.hub.failing).toEqual(DEAD.includes(code) ? { since: bench.began, error } : undefined);
    expect(bench.turned).toEqual(DEAD.includes(code) ? [error] : []);
    expect(bench.hub.breaker).toBe(DEAD.includes(code) ? "open" : "closed");
  });

  test.each(ERROR_CODES)("that failed before: %s", async (code) => {
    await using bench = new Workbench();
    await bench.fails(GONE);
    await bench.fails(new PowerError(code, "it failed"));
    expect(bench.turned).toEqual(ANSWERED.includes(code) ? [GONE, undefined] : [GONE]);
    expect(bench.hub.failing === undefined).toBe(ANSWERED.includes(code));
  });

  test("is that it answers, where what is behind it is gone", async () => {
    await using bench = new Workbench();
    await bench.fails(GONE);
    await bench.fails(new PowerError("unreachable", "plug 3 is gone", { hubAnswered: true }));
    expect(bench.turned).toEqual([GONE, undefined]);
    expect(bench.hub.connected).toBe(true);
  });

  test("is nothing where each machine has a hub of its own, but its connection is suspect", async () => {
    await using bench = new Workbench({ driver: { hub: undefined } });
    await bench.fails(GONE);
    await settled();
    expect([bench.hub.failing, bench.turned, bench.hub.connected]).toEqual([undefined, [], false]);
    await expect(bench.exchange({ priority: "query" })).resolves.toBeDefined();
  });
});

describe("a hub that is spared", () => {
  test("refuses the queries that wait already, and tries the orders", async () => {
    await using bench = new Workbench();
    const first = bench.held({ priority: "query" });
    const query = bench.held({ priority: "query" });
    const order = bench.held({ priority: "order" });
    await settled();
    first.fail(GONE);
    await settled();
    expect([order.begun, query.begun]).toEqual([true, false]);
    order.fail(GONE);
    await expect(query.done).rejects.toBe(GONE);
    expect([query.begun, bench.hub.exchanges.count]).toEqual([false, 2]);
  });

  test("refuses a query before it gets in line, until its pause is over", async () => {
    await using bench = new Workbench();
    await bench.fails(GONE);
    const order = bench.held();
    await expect(bench.exchange({ priority: "query" })).rejects.toBe(GONE);
    expect(bench.hub.queued).toBe(0);
    order.fail(GONE);
    await settled();
    expect(bench.hub.retryAt).toBe(bench.began + 2_000);
    await bench.wait(1_999);
    expect(bench.hub.breaker).toBe("open");
    await expect(bench.exchange({ priority: "query" })).rejects.toBe(GONE);
    await bench.wait(1);
    expect(bench.hub.breaker).toBe("half-open");
    await expect(bench.exchange({ priority: "query" })).resolves.toBeDefined();
    expect(bench.turned).toEqual([GONE, undefined]);
  });
});
