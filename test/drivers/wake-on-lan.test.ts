import { networkInterfaces } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import driver from "../../src/drivers/wake-on-lan.ts";
import { WakeCard } from "../simulators/wake-card.ts";
import { command, failureOf, findings } from "./run.ts";

const mac = "00:00:5e:00:53:07";

async function arrived(card: WakeCard, count: number): Promise<void> {
  for (const until = Date.now() + 5_000; card.packets.length < count && Date.now() < until; ) await pause(5);
  // One too many would come now.
  await pause(50);
  expect(card.packets).toHaveLength(count);
}

describe("a magic packet", () => {
  test.each([
    ["00:00:5e:00:53:07", undefined, undefined, 102],
    ["00-00-5E-00-53-07", "00:11:22:33:44:55", "00:11:22:33:44:55", 108],
    ["0000.5e00.5307", "192.168.1.1", "c0:a8:01:01", 106],
  ])("for %s with the password %s wakes the card that has them", async (written, secureon, password, length) => {
    await using card = await WakeCard.start({ mac, ...(password !== undefined && { password }) });
    const outlet = {
      mac: written,
      broadcast: "127.0.0.1",
      ports: card.ports,
      packets: 1,
      ...(secureon && { secureon }),
    };
    await command("on", { driver, outlet });
    await arrived(card, 1);
    expect(card.awake).toBe(true);
    expect(card.packets[0]?.data).toHaveLength(length);
  });

  test.each([
    ["another address", { mac: "00:00:5e:00:53:08" }],
    ["another password", { mac, password: "00:11:22:33:44:56" }],
  ])("leaves a card with %s asleep", async (_what, has) => {
    await using card = await WakeCard.start(has);
    const outlet = { mac, broadcast: "127.0.0.1", ports: card.ports, packets: 1, secureon: "00:11:22:33:44:55" };
    await command("on", { driver, outlet });
    await arrived(card, 1);
    expect(card.awake).toBe(false);
  });

  test("goes to every port, as often as wanted, a moment apart", async () => {
    await using card = await WakeCard.start({ mac, ports: 2 });
    const before = performance.now();
    await command("on", { driver, outlet: { mac, broadcast: "127.0.0.1", ports: card.ports, packets: 3 } });
    expect(performance.now() - before).toBeGreaterThan(150);
    await arrived(card, 6);
    for (const port of card.ports) expect(card.packets.filter((packet) => packet.port === port)).toHaveLength(3);
  });

  test("goes to the address of the machine as well", async () => {
    await using card = await WakeCard.start({ mac });
    const outlet = { mac, broadcast: "127.0.0.1", unicast: "localhost", ports: card.ports, packets: 1 };
    await command("on", { driver, outlet });
    await arrived(card, 2);
    expect(card.packets).toHaveLength(2);
  });

  test("is sent where one of two addresses can be sent to", async () => {
    await using card = await WakeCard.start({ mac });
    // Nothing is sent to the addresses of RFC 1122, 3.2.1.3 (a).
    const outlet = { mac, broadcast: "0.255.255.255", unicast: "127.0.0.1", ports: card.ports, packets: 1 };
    await command("on", { driver, outlet });
    await arrived(card, 1);
    expect(card.packets).toHaveLength(1);
  });
});

test("an interface that is not there is named, with those that are", async () => {
  const failure = await failureOf(command("on", { driver, outlet: { mac, interface: "nowhere0" } }));
  expect(failure).toMatchObject({ code: "config", message: expect.stringContaining("nowhere0"), mayHaveActed: false });
  for (const name of Object.keys(networkInterfaces())) expect(failure.hint).toContain(name);
});

test("a name that is not known is a failure, and tells no password", async () => {
  const outlet = { mac, broadcast: "nowhere.invalid", secureon: "00:11:22:33:44:55" };
  const failure = await failureOf(command("on", { driver, outlet }));
  expect(failure).toMatchObject({ code: "unreachable", message: "nowhere.invalid has no IPv4 address" });
  expect(inspect(failure, { depth: 10, showHidden: true })).not.toContain("00:11:22:33:44:55");
});

test("what is cut short may have acted once something was sent", async () => {
  await using card = await WakeCard.start({ mac });
  const outlet = { mac, broadcast: "127.0.0.1", ports: card.ports, packets: 20 };
  const failure = await failureOf(command("on", { driver, outlet, timeout: 250 }));
  expect(failure).toMatchObject({ code: "timeout", mayHaveActed: true });
  expect(card.packets.length).toBeLessThan(20);
});

test.each([
  [{ mac, secureon: "secret" }, "secureon: must be six bytes"],
  [{ mac, secureon: "00:11:22:33:44" }, "secureon: must be six bytes"],
  [{ mac, broadcast: "ff02::1" }, "broadcast: is an IPv6 address"],
  [{ mac, unicast: "fd00::17" }, "unicast: is an IPv6 address"],
])("%j is found to be a mistake", (outlet, finding) => {
  const found = findings({ driver, outlet });
  expect(found).toEqual([expect.stringContaining(finding)]);
  expect(found.join()).not.toContain("secret");
});

test.each([{ mac: "00:00:5e:00:53" }, { mac: "0:0000:5e00:5307" }, { mac: "00:00:5e:00:53:0g" }, { mac, ports: [0] }])(
  "%j is refused",
  (outlet) => {
    expect(driver.outlet.safeParse(outlet).success).toBe(false);
  },
);
