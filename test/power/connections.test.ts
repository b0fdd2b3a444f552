import { describe, expect, test, vi } from "vitest";
import type { WatchListener } from "../../src/power/driver.ts";
import { PowerError } from "../../src/power/errors.ts";
import { holdRealTime, pass, settled, Workbench } from "./workbench.ts";

const GONE = new PowerError("unreachable", "it does not answer");

// How long a connection may be idle is real time.
holdRealTime();

describe("a connection", () => {
  test("is opened by the first exchange, and closed when nobody used it for its time", async () => {
    await using bench = new Workbench({ pace: { idle: 1_000 } });
    expect([bench.hub.connected, bench.life]).toEqual([false, []]);
    await bench.exchange();
    await pass(999);
    expect([bench.hub.connected, bench.life]).toEqual([true, ["open 1"]]);
    await pass(1);
    expect([bench.hub.connected, bench.life]).toEqual([false, ["open 1", "close 1"]]);
    await bench.exchange();
    expect(bench.life).toEqual(["open 1", "close 1", "open 2"]);
  });

  test("stays open during an exchange, and its time begins anew when that ends", async () => {
    await using bench = new Workbench({ pace: { idle: 1_000 } });
    await bench.exchange();
    await pass(999);
    const long = bench.held();
    await pass(3_000);
    expect(bench.hub.connected).toBe(true);
    long.end();
    await pass(999);
    expect(bench.hub.connected).toBe(true);
    await pass(1);
    expect(bench.life).toEqual(["open 1", "close 1"]);
  });

  test("stays open while another exchange is under way on it", async () => {
    await using bench = new Workbench({ pace: { idle: 1_000, concurrency: 2 } });
    const long = bench.held();
    await bench.exchange();
    await pass(2_000);
    expect(bench.hub.connected).toBe(true);
    long.end();
    await pass(1_000);
    expect(bench.life).toEqual(["open 1", "close 1"]);
  });

  test("stays open while another exchange waits for its turn", async () => {
    await using bench = new Workbench({ pace: { idle: 1_000, interval: 20_000 } });
    await bench.exchange();
    await pass(1_000);
    const first = bench.exchange();
    const second = bench.held();
    await bench.wait(20_000);
    await first;
    await pass(5_000);
    expect([bench.hub.queued, bench.hub.connected]).toEqual([1, true]);
    await bench.wait(20_000);
    second.end();
    await second.done;
    expect(bench.life).toEqual(["open 1", "close 1", "open 2"]);
  });

  test("stays open while the device tells its states on it", async () => {
    let listener: WatchListener<unknown> | undefined;
    const watch = async (_: unknown, __: unknown, heard: WatchListener<unknown>) => {
      listener = heard;
      return () => undefined;
    };
    await using bench = new Workbench({ driver: { watch }, pace: { idle: 1_000 } });
    bench.hub.watch([{ settings: {}, heard: () => undefined, lost: () => undefined }]);
    await pass(1_000);
    expect(bench.hub.connected).toBe(true);
    listener?.lost(GONE);
    await settled();
    await bench.exchange();
    await pass(1_000);
    expect(bench.life).toEqual(["open 1", "close 1"]);
  });

  test("is closed after a failure that makes it suspect, and opened anew for the next exchange", async () => {
    await using bench = new Workbench();
    await bench.exchange();
    await bench.fails(GONE);
    await bench.exchange();
    expect(bench.life).toEqual(["open 1", "close 1", "open 2"]);
  });

  test("waits for the end of what used the device before", async () => {
    let ready: () => void = () => undefined;
    await using bench = new Workbench({
      ready: new Promise((resolve) => {
        ready = resolve;
      }),
    });
    const exchange = bench.exchange();
    await settled();
    expect(bench.life).toEqual([]);
    ready();
    await exchange;
    expect(bench.life).toEqual(["open 1"]);
  });
});

describe("changed settings of a hub", () => {
  test("hold from the next exchange on: its pace, and how long it may take", async () => {
    await using bench = new Workbench();
    const { hub } = bench;
    const first = bench.held();
    const [second, third] = [bench.held(), bench.held()];
    await settled();
    const spec = { ...hub.spec, pace: { ...hub.spec.pace, concurrency: 2, timeout: 70 } };
    hub.reconfigure(spec);
    expect(hub.spec).toBe(spec);
    first.end();
    await settled();
    expect([second.begun, third.begun]).toEqual([true, true]);
    second.end();
    await pass(70);
    third.end();
    await expect(third.done).rejects.toMatchObject({ message: "bench did not answer within 70 ms" });
  });

  test("let the exchange under way end on its connection, and open a new one only when that is closed", async () => {
    await using bench = new Workbench({ pace: { concurrency: 2 } });
    const old = bench.held();
    await settled();
    bench.hub.reconfigure({ ...bench.hub.spec, settings: { changed: true } });
    expect(bench.hub.connected).toBe(false);
    const next = bench.exchange();
    await settled();
    expect(bench.life).toEqual(["open 1"]);
    old.end();
    expect((await old.done).value).toBe("ended");
    await next;
    expect(bench.life).toEqual(["open 1", "close 1", "open 2"]);
  });

  test("let it end as well when they change again before that", async () => {
    await using bench = new Workbench({ pace: { concurrency: 2 } });
    const old = bench.held();
    await settled();
    for (const changed of [1, 2]) bench.hub.reconfigure({ ...bench.hub.spec, settings: { changed } });
    const next = bench.exchange();
    await settled();
    expect(bench.life).toEqual(["open 1"]);
    old.end();
    await next;
    expect(bench.life).toEqual(["open 1", "close 1", "open 2"]);
  });

  test("open it with what is written now", async () => {
    const opened: unknown[] = [];
    await using bench = new Workbench({ driver: { connect: (settings: unknown) => void opened.push(settings) } });
    await bench.exchange();
    bench.hub.reconfigure({ ...bench.hub.spec, settings: { changed: true } });
    await bench.exchange();
    expect(opened).toEqual([{}, { changed: true }]);
  });

  test("let a query try a hub that fails, for it may fail no more", async () => {
    await using bench = new Workbench();
    await bench.fails(GONE);
    bench.hub.reconfigure({ ...bench.hub.spec, settings: { changed: true } });
    expect([bench.hub.breaker, bench.hub.failing?.error]).toEqual(["half-open", GONE]);
    await bench.exchange({ priority: "query" });
    expect(bench.turned).toEqual([GONE, undefined]);
  });
});

describe("to trust the device that answers now", () => {
  test("forgets the pin, ends the failure and checks anew who answers", async () => {
    let id = "first";
    await using bench = new Workbench({ driver: { identify: async () => ({ id }) } });
    await bench.exchange();
    expect(bench.pins.get("bench")).toEqual({ id: "first", at: bench.began });
    id = "second";
    await bench.fails(GONE);
    await expect(bench.exchange()).rejects.toMatchObject({ code: "wrong_device" });
    expect(bench.hub.failing?.error.code).toBe("wrong_device");
    await bench.hub.trust();
    expect(bench.pins.has("bench")).toBe(false);
    expect([bench.hub.failing, bench.turned]).toEqual([undefined, [GONE, undefined]]);
    await bench.wait(5_000);
    await bench.exchange({ priority: "query" });
    expect(bench.pins.get("bench")).toEqual({ id: "second", at: bench.began + 5_000 });
  });

  test("closes the connection it was checked on", async () => {
    await using bench = new Workbench();
    await bench.exchange();
    await bench.hub.trust();
    expect(bench.life).toEqual(["open 1", "close 1"]);
    expect(bench.turned).toEqual([]);
  });
});

describe("the end of a hub", () => {
  test("comes when the exchange under way is over and its connection is closed", async () => {
    const bench = new Workbench();
    const last = bench.held();
    await settled();
    let over = false;
    const end = bench.hub[Symbol.asyncDispose]().then(() => {
      over = true;
    });
    await settled();
    expect([over, bench.life]).toEqual([false, ["open 1"]]);
    last.end();
    await end;
    expect(bench.life).toEqual(["open 1", "close 1"]);
  });

  test("leaves nothing that would wake later", async () => {
    const bench = new Workbench();
    await bench.exchange();
    expect(vi.getTimerCount()).toBe(1);
    await bench.hub[Symbol.asyncDispose]();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("comes after that of what used the device before", async () => {
    let ready: () => void = () => undefined;
    const bench = new Workbench({
      ready: new Promise((resolve) => {
        ready = resolve;
      }),
    });
    let over = false;
    const end = bench.hub[Symbol.asyncDispose]().then(() => {
      over = true;
    });
    await settled();
    expect(over).toBe(false);
    ready();
    await end;
  });

  test("ends what it listens to before it closes the connection", async () => {
    const bench = new Workbench({
      driver: { watch: async () => async () => void bench.life.push("no more told") },
    });
    bench.hub.watch([{ settings: {}, heard: () => undefined, lost: () => undefined }]);
    await settled();
    await bench.hub[Symbol.asyncDispose]();
    expect(bench.life).toEqual(["open 1", "no more told", "close 1"]);
  });
});
