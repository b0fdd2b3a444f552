import { describe, expect, test } from "vitest";
import { type Addresses, type Found, NOWHERE } from "../../src/power/address.ts";
import type { Driver, Identity } from "../../src/power/driver.ts";
import { PowerError } from "../../src/power/errors.ts";
import { Session } from "../../src/power/session.ts";
import type { HubSpec } from "../../src/power/spec.ts";
import { failureOf } from "../expecting.ts";
import { BareHub } from "./bare-hub.ts";

/** A session, and the life of its connections: `open 1`, `close 1`. */
function session(driver: Partial<Driver> = {}, spec: Partial<HubSpec> = {}, addresses: Addresses = NOWHERE) {
  const life: string[] = [];
  let opened = 0;
  const bare = new BareHub(
    {
      connect: () => {
        opened += 1;
        life.push(`open ${opened}`);
        return opened;
      },
      disconnect: (connection: number) => void life.push(`close ${connection}`),
      ...driver,
    },
    spec,
  );
  const { clock, pins } = bare;
  const kept = {
    pin: (key: string) => pins.get(key),
    setPin: (key: string, pin: (Identity & { at: number }) | undefined) => void pins.set(key, pin),
  };
  const made = new Session(bare.spec, { addresses, clock, pins: kept });
  const { signal } = new AbortController();
  /** Answers what the work was handed. */
  const use = (kind: "command" | "read" = "read", work = async (connection: unknown) => connection) =>
    made.use({ kind, signal, began: () => void life.push("begun") }, work);
  return { session: made, use, life, clock, pins, spec: bare.spec, signal };
}

/** Work that goes on until it is told to end. */
function longWork() {
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { work: (connection: unknown) => ended.then(() => connection), end };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("a connection", () => {
  test("is opened by the first who uses it, and used by the others", async () => {
    const passed: unknown[] = [];
    const it = session(
      {
        connect: (settings: unknown, ctx) => {
          passed.push(settings, ctx);
          return "connection";
        },
      },
      { settings: { host: "192.0.2.1" } },
    );
    expect(it.session.open).toBe(false);
    expect([await it.use(), await it.use()]).toEqual(["connection", "connection"]);
    expect(it.session.open).toBe(true);
    expect(passed).toEqual([{ host: "192.0.2.1" }, { signal: it.signal, key: "told-key", clock: it.clock }]);
  });

  test("is nothing where the driver opens none", async () => {
    await using bare = new BareHub({});
    const { value } = await bare.hub.exchange({
      priority: "order",
      kind: "read",
      run: async (connection) => [connection],
    });
    expect(value).toEqual([undefined]);
  });

  test.each([
    {
      how: "at once",
      fail: () => {
        throw new PowerError("busy", "taken");
      },
    },
    { how: "later", fail: () => Promise.reject(new PowerError("busy", "taken")) },
  ])("that fails to open $how is not remembered, and not closed", async ({ fail }) => {
    let attempts = 0;
    const closed: unknown[] = [];
    const it = session({
      connect: () => {
        attempts += 1;
        return attempts === 1 ? fail() : "second";
      },
      disconnect: (connection: unknown) => void closed.push(connection),
    });
    expect((await failureOf(it.use())).message).toBe("taken");
    expect([it.session.open, it.life]).toEqual([false, []]);
    expect(await it.use()).toBe("second");
    expect(closed).toEqual([]);
  });

  test("is handed over right after the work was told to have begun", async () => {
    const it = session({ identify: async () => void it.life.push("identify") });
    await it.use("command", async () => void it.life.push("work"));
    expect(it.life).toEqual(["open 1", "identify", "begun", "work"]);
  });

  test("is asked who answers on it by what ends the exchange as well", async () => {
    const passed: unknown[] = [];
    const it = session({ identify: async (connection: unknown, ctx) => void passed.push(connection, ctx) });
    await it.use();
    expect(passed).toEqual([1, { signal: it.signal }]);
  });

  test("is closed once those who use it are done, and whoever comes meanwhile gets a new one", async () => {
    const it = session();
    const [first, second] = [longWork(), longWork()];
    const uses = [it.use("read", first.work), it.use("read", second.work)];
    await turn();
    const closing = it.session.close().then(() => it.life.push("closed"));
    expect([it.session.open, await it.use()]).toEqual([false, 2]);
    first.end();
    await uses[0];
    await turn();
    expect(it.life).not.toContain("close 1");
    second.end();
    await Promise.all([...uses, closing]);
    expect(it.life.filter((word) => word !== "begun")).toEqual(["open 1", "open 2", "close 1", "closed"]);
    expect(it.session.open).toBe(true);
  });

  test("is closed at once where nobody uses it, and opened again by the next", async () => {
    const it = session();
    await it.use();
    await it.session.close();
    await it.session.close();
    expect(await it.use()).toBe(2);
    expect(it.life).toEqual(["open 1", "begun", "close 1", "open 2", "begun"]);
  });

  test("is over when the driver cannot close it", async () => {
    const it = session({ disconnect: () => Promise.reject(new Error("gone already")) });
    await it.use();
    await expect(it.session.close()).resolves.toBeUndefined();
  });

  test("that fails to open after it was given up leaves the next one alone", async () => {
    let fail: (error: Error) => void = () => undefined;
    const opening = new Promise((_, reject) => {
      fail = reject;
    });
    let attempts = 0;
    const it = session({ connect: () => (attempts++ === 0 ? opening : "second") });
    const first = it.use();
    await turn();
    void it.session.close();
    expect(await it.use()).toBe("second");
    fail(new PowerError("timeout", "too late"));
    expect((await failureOf(first)).message).toBe("too late");
    expect(it.session.open).toBe(true);
  });
});

describe("a session that the device had accepted and refuses", () => {
  const EXPIRED = new PowerError("auth", "the session expired");

  /** Work that fails so often with this, and then does it. */
  function failing(error: Error, times: number) {
    let left = times;
    return async (connection: unknown) => {
      left -= 1;
      if (left >= 0) throw error;
      return connection;
    };
  }

  test("is opened anew, once the old one is closed, and the work is done", async () => {
    const it = session();
    await it.use();
    expect(await it.use("command", failing(EXPIRED, 1))).toBe(2);
    expect(it.life).toEqual(["open 1", "begun", "begun", "close 1", "open 2", "begun"]);
  });

  test("is opened anew only once", async () => {
    const it = session();
    await it.use();
    expect(await failureOf(it.use("read", failing(EXPIRED, 2)))).toBe(EXPIRED);
    expect(it.life).toEqual(["open 1", "begun", "begun", "close 1", "open 2", "begun"]);
  });

  test("is opened anew only once, though somebody else has opened the new one and used it", async () => {
    let closed: () => void = () => undefined;
    const closing = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const it = session({ disconnect: () => closing });
    await it.use();
    const refused = it.use("read", failing(EXPIRED, 3));
    await turn();
    expect(await it.use()).toBe(2);
    closed();
    expect(await failureOf(refused)).toBe(EXPIRED);
    expect(it.life.filter((word) => word !== "begun")).toEqual(["open 1", "open 2"]);
  });

  test.each([
    { what: "the command may have acted", error: EXPIRED.acted() },
    { what: "it was refused for another reason", error: new PowerError("refused", "no") },
    { what: "the driver has a fault", error: new TypeError("broken") },
  ])("is not opened anew where $what", async ({ error }) => {
    const it = session();
    await it.use();
    await expect(it.use("command", failing(error, 1))).rejects.toBe(error);
    expect(it.life).toEqual(["open 1", "begun", "begun"]);
  });

  test("is not opened anew where it never accepted it", async () => {
    const it = session();
    await expect(it.use("read", failing(new PowerError("refused", "no"), 1))).rejects.toThrow("no");
    expect(await failureOf(it.use("read", failing(EXPIRED, 1)))).toBe(EXPIRED);
    expect(it.life).toEqual(["open 1", "begun", "begun"]);
  });
});

describe("a connection to an address that is found", () => {
  function wandering(found: Found) {
    const finds = { found };
    const at: unknown[] = [];
    const driver = { connect: (settings: unknown) => void at.push(settings), disconnect: () => void at.push("closed") };
    const spec = { settings: { port: 80 }, sought: { key: "host", machine: "desk" } };
    const it = session(driver, spec, { find: async () => finds.found, doubt: () => undefined });
    return { ...it, finds, at };
  }

  test("is opened there, and anew when another one is found", async () => {
    const it = wandering({ address: "192.0.2.7" });
    await it.use();
    await it.use("command");
    expect(it.at).toEqual([{ port: 80, host: "192.0.2.7" }]);
    it.finds.found = { address: "192.0.2.8" };
    await it.use();
    await turn();
    const opened = [it.at[0], it.at.find((known) => known !== "closed" && known !== it.at[0])];
    expect(opened).toEqual([
      { port: 80, host: "192.0.2.7" },
      { port: 80, host: "192.0.2.8" },
    ]);
    expect(it.at.filter((known) => known === "closed")).toHaveLength(1);
  });

  test("that the machine has no more serves reads, and no commands", async () => {
    const it = wandering({ address: "192.0.2.7", gone: true, doubt: "it left" });
    await it.use("read");
    expect((await failureOf(it.use("command"))).message).toBe("desk cannot be told anything: it left");
    expect(it.life).toEqual(["begun"]);
  });
});
