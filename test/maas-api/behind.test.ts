import { describe, expect, test } from "vitest";
import { behindOrder } from "../../src/maas/behind.ts";
import { ADMIN, type SimulatedMaas } from "../simulators/maas.ts";
import { Region } from "./region.ts";

const T0 = Date.UTC(2026, 4, 27, 9, 52, 34);

/** What MAAS's own events tell of an order that it gave at T0, by our clock. */
async function behind(note: (maas: SimulatedMaas) => void, { skewMs = 0, lateMs = 0 } = {}) {
  let now = T0 + skewMs;
  await using region = await Region.open({
    machines: [{ hostname: "nuc1", systemId: "k3hxa7" }],
    key: ADMIN.key,
    client: { now: () => now },
    now: () => now,
  });
  note(region.maas);
  now += lateMs;
  const events = await region.client.events("k3hxa7", { limit: 50, level: "DEBUG" });
  return behindOrder(events, { at: T0 + lateMs, skewMs });
}

describe("behind an order of MAAS", () => {
  test("stands the user who asked for it last, and for what", async () => {
    const found = await behind((maas) => {
      maas.wish(maas.machine("nuc1"), "anna", "starting deployment");
      maas.wish(maas.machine("nuc1"), "bob", "releasing node");
      maas.note(maas.machine("nuc1"), "Node changed status", "From 'Deployed' to 'Releasing'", "DEBUG");
    });
    expect(found).toEqual({ user: "bob", event: "releasing node" });
  });

  test("stands the user, whatever comment was left", async () => {
    const found = await behind((maas) =>
      maas.note(maas.machine("nuc1"), "User powering down node", "(anna) - (bob) wants it", "DEBUG"),
    );
    expect(found).toEqual({ user: "anna", event: "powering down node" });
  });

  test("stands nobody where MAAS acted on its own account", async () => {
    expect(await behind((maas) => maas.note(maas.machine("nuc1"), "Marking node failed", "timed out"))).toBeUndefined();
  });

  test("stands nobody for what moves no power", async () => {
    expect(await behind((maas) => maas.wish(maas.machine("nuc1"), "bob", "locking node"))).toBeUndefined();
  });

  test("stands nobody whose wish is older than MAAS's patience", async () => {
    const wish = (maas: SimulatedMaas) => maas.wish(maas.machine("nuc1"), "bob", "powering up node");
    expect(await behind(wish, { lateMs: 299_000 })).toBeDefined();
    expect(await behind(wish, { lateMs: 301_000 })).toBeUndefined();
  });

  test("stands the right one where MAAS's clock differs", async () => {
    const wish = (maas: SimulatedMaas) => maas.wish(maas.machine("nuc1"), "bob", "powering up node");
    expect(await behind(wish, { skewMs: -3_600_000 })).toEqual({ user: "bob", event: "powering up node" });
  });
});
