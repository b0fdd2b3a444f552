import { describe, expect, test } from "vitest";
import type { Identity } from "../../src/power/driver.ts";
import { PowerError } from "../../src/power/errors.ts";
import { failureOf } from "../expecting.ts";
import { BareHub } from "./bare-hub.ts";

/** A hub whose device says it is what `device` holds; `asked` counts how often. */
function hubOf(first: Identity | Error | undefined) {
  const device: { is: Identity | Error | undefined; asked: number; done: string[] } = { is: first, asked: 0, done: [] };
  const bare = new BareHub(
    {
      identify: async () => {
        device.asked += 1;
        if (device.is instanceof Error) throw device.is;
        return device.is;
      },
    },
    { key: "plug at 192.0.2.1", name: "plug" },
  );
  const exchange = (kind: "command" | "read") =>
    bare.run(bare.hub.exchange({ priority: "order", kind, run: async () => void device.done.push(kind) }));
  const wait = (ms: number) => bare.run(bare.clock.sleep(ms));
  return { bare, device, exchange, wait };
}

describe("the identity of a device", () => {
  test("is pinned at first contact as it tells it, with the time", async () => {
    const { bare, device, exchange } = hubOf({ id: "aa:bb", model: "Plug S", firmware: "1.0" });
    await using _bare = bare;
    await exchange("read");
    const pin = { id: "aa:bb", model: "Plug S", firmware: "1.0", at: bare.clock.now() };
    expect(bare.pins).toEqual(new Map([["plug at 192.0.2.1", pin]]));
    device.is = { id: "aa:bb", model: "Plug S", firmware: "2.0" };
    await bare.run(bare.clock.sleep(60_001));
    await exchange("command");
    expect(bare.pins.get("plug at 192.0.2.1")).toEqual(pin);
  });

  test("is asked once for reads, however many and however late", async () => {
    const { bare, device, exchange, wait } = hubOf({ id: "aa:bb" });
    await using _bare = bare;
    await exchange("read");
    await wait(600_000);
    await exchange("read");
    expect(device.asked).toBe(1);
  });

  test("is asked again before a command when it was checked more than a minute ago", async () => {
    const { bare, device, exchange, wait } = hubOf({ id: "aa:bb" });
    await using _bare = bare;
    await exchange("command");
    await wait(60_000);
    await exchange("command");
    expect(device.asked).toBe(1);
    await wait(1);
    await exchange("command");
    expect(device.asked).toBe(2);
    await wait(60_000);
    await exchange("command");
    expect(device.asked).toBe(2);
  });

  test("that cannot be asked fails the exchange, and is asked by the next", async () => {
    const { bare, device, exchange } = hubOf(new PowerError("refused", "not now"));
    await using _bare = bare;
    expect(await failureOf(exchange("command"))).toMatchObject({ message: "not now", mayHaveActed: false });
    device.is = { id: "aa:bb" };
    await exchange("read");
    expect([device.asked, device.done, bare.pins.size]).toEqual([2, ["read"], 1]);
  });

  test("that the device cannot tell is not pinned, and not asked at each exchange", async () => {
    const { bare, device, exchange } = hubOf(undefined);
    await using _bare = bare;
    await exchange("read");
    await exchange("command");
    expect([device.asked, device.done, bare.pins.size]).toEqual([1, ["read", "command"], 0]);
  });

  test.each([
    { is: { id: "cc:dd" }, words: "cc:dd answers for plug, where Plug S aa:bb was found at first contact" },
    {
      is: { id: "cc:dd", model: "Plug M" },
      words: "Plug M cc:dd answers for plug, where Plug S aa:bb was found at first contact",
    },
  ])("of another device is refused before anything is done: $words", async ({ is, words }) => {
    const { bare, device, exchange } = hubOf(is);
    await using _bare = bare;
    bare.pins.set("plug at 192.0.2.1", { id: "aa:bb", model: "Plug S", at: 7 });
    expect(await failureOf(exchange("command"))).toMatchObject({
      code: "wrong_device",
      message: words,
      hint: "Correct the address. If the device was replaced: maasochist hubs trust plug",
      mayHaveActed: false,
    });
    expect(device.done).toEqual([]);
    expect(bare.pins.get("plug at 192.0.2.1")).toEqual({ id: "aa:bb", model: "Plug S", at: 7 });
  });
});
