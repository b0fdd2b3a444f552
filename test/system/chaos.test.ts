/**
 * The whole daemon under chaos, 30 s of it; CHAOS_SECONDS makes it longer (180 kills it more than twenty times), and
 * CHAOS_SEED repeats the same wishes, faults and kills, as far as time repeats itself.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { OrderRecord } from "../../src/power/order.ts";
import { Chaos, endState, wasThere } from "../rack/chaos.ts";
import { build, MAIN } from "./activator.ts";

const SECONDS = Number(process.env["CHAOS_SECONDS"] ?? 30);
const SEED = Number(process.env["CHAOS_SEED"] ?? Date.now() % 1_000_000);
const KILLS = Math.max(4, Math.floor(SECONDS / 8));

describe("the daemon among killers, broken hubs and changing minds", () => {
  beforeAll(build);

  test(`tells no success that was none, and loses no order, in ${SECONDS} s with seed ${SEED}`, {
    timeout: SECONDS * 3_000 + 120_000,
  }, async () => {
    console.log(`CHAOS_SECONDS=${SECONDS} CHAOS_SEED=${SEED}`);
    const folder = mkdtempSync(join(tmpdir(), "maasochist-chaos-"));
    try {
      await using chaos = await Chaos.start({ folder, main: MAIN, seed: SEED, seconds: SECONDS, kills: KILLS });
      await chaos.rage();
      await chaos.quiet();
      const log = chaos.log();
      const orders = await chaos.orders();
      const { successes, accepted, kills, reloads, faults } = chaos;
      console.log(
        `${successes.length} successes told, ${orders.length} orders kept, ${log.length} lines of the rack, ${kills} kills, ${reloads} reloads, ${faults} faults`,
      );

      expect(successes.filter((told) => !wasThere(log, told))).toEqual([]);
      const kept = new Set(orders.map((order) => order.id));
      expect(accepted.filter((id) => !kept.has(id))).toEqual([]);
      expect(orders.filter((order) => order.state === "waiting" || order.state === "running")).toEqual([]);
      // What failed or was cut short promises nothing; every other last order stands.
      const last = lastOrders(orders);
      const done = [...last].filter(([, order]) => order.state === "done");
      const wrong = done.filter(([machine, order]) => endState(log, machine) !== (order.verb !== "off"));
      expect(wrong).toEqual([]);
      for (let machine = 0; machine < chaos.machines; machine += 7) {
        const word = endState(log, machine) ? "running" : "stopped";
        expect(await chaos.state(machine)).toBe(`200 {"status":"${word}"}`);
      }

      expect(kills).toBeGreaterThanOrEqual(KILLS);
      // Of a slow machine too: enough to have been wrong about.
      expect(successes.length).toBeGreaterThan(5);
      expect(done.length).toBeGreaterThan(10);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

/** The newest of each machine. The API tells the newest first. */
function lastOrders(orders: readonly OrderRecord[]): Map<number, OrderRecord> {
  const last = new Map<number, OrderRecord>();
  for (const order of orders) {
    const machine = Number(order.machine.slice(1));
    if (!last.has(machine)) last.set(machine, order);
  }
  return last;
}
