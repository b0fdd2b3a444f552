/** Many guests at once: what the cluster's table tells, and when it is not believed. */
import { describe, expect, test } from "vitest";
import driver from "../../src/drivers/proxmox.ts";
import type { Answer, QueryAnswer } from "../../src/power/driver.ts";
import type { PowerError } from "../../src/power/errors.ts";
import { within } from "../expecting.ts";
import { type ProxmoxOptions, SimulatedProxmox } from "../simulators/proxmox.ts";
import { VirtualClock } from "../virtual-clock.ts";

/** How old the table may be (ms). */
const AGE_MS = 15_000;

class Many implements AsyncDisposable {
  readonly cluster: SimulatedProxmox;
  readonly clock: VirtualClock;
  readonly #connection: unknown;

  private constructor(cluster: SimulatedProxmox, clock: VirtualClock, connection: unknown) {
    this.cluster = cluster;
    this.clock = clock;
    this.#connection = connection;
  }

  static async open(options: ProxmoxOptions): Promise<Many> {
    const clock = new VirtualClock();
    // Between two tellings of the nodes.
    await clock.run(clock.sleep(3_000));
    const cluster = await SimulatedProxmox.start({ ...options, clock });
    const hub: unknown = driver.hub?.parse(cluster.hub);
    return new Many(cluster, clock, await driver.connect?.(hub, { signal: within(5_000), key: "pve", clock }));
  }

  async states(ids: readonly number[], forOrders = false): Promise<readonly (QueryAnswer | PowerError)[]> {
    const outlets = ids.map((outlet) => driver.outlet.parse({ outlet }) as unknown);
    return (await driver.queryAll?.(this.#connection, outlets, { signal: within(10_000), forOrders })) ?? [];
  }

  async on(outlet: number): Promise<void> {
    const ctx = { signal: within(5_000), machine: { name: "vm" }, last: undefined };
    await driver.on?.(this.#connection, driver.outlet.parse({ outlet }), ctx);
  }

  pass(ms: number): Promise<void> {
    return this.clock.run(this.clock.sleep(ms));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await driver.disconnect?.(this.#connection);
    await this.cluster[Symbol.asyncDispose]();
  }
}

function guests(count: number, more: object = {}) {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [100 + index, { runs: index % 2 === 0, ...more }]),
  );
}

describe("many guests", () => {
  test("are told in one request, which says how old it may be", async () => {
    await using at = await Many.open({ nodes: ["pve1", "pve2", "pve3"], guests: guests(500) });
    const ids = Array.from({ length: 500 }, (_, index) => 100 + index);
    const answers = await at.states(ids);
    expect(answers).toHaveLength(500);
    expect(answers.map((answer) => (answer as Answer).state)).toEqual(
      ids.map((id) => (at.cluster.guest(id).runs ? "on" : "off")),
    );
    expect(answers[7]).toMatchObject({ at: at.clock.now() - AGE_MS });
    expect(at.cluster.requests).toEqual(["pve1 GET /cluster/resources"]);
  });

  test("are each asked at their nodes where orders decide by it", async () => {
    await using at = await Many.open({ guests: guests(20) });
    at.cluster.guest(100).runs = false;
    const [stale] = await at.states([100, 101]);
    expect(stale).toMatchObject({ state: "on" });
    const ids = Array.from({ length: 20 }, (_, index) => 100 + index);
    const [now, ...others] = await at.states(ids, true);
    expect(now).toMatchObject({ state: "off" });
    expect(now).not.toHaveProperty("at");
    expect(others).toHaveLength(19);
  });

  test("are not told from a table that is older than what was ordered or seen", async () => {
    await using at = await Many.open({ guests: guests(3) });
    await at.on(101);
    await at.pass(1_000);
    const [, ordered, other] = await at.states([100, 101, 102]);
    expect(at.cluster.guest(101).row.status).toBe("stopped");
    expect(ordered).toMatchObject({ state: "on" });
    expect(ordered).not.toHaveProperty("at");
    expect(other).toHaveProperty("at");
    await at.pass(AGE_MS + 1_000);
    expect((await at.states([100, 101]))[1]).toMatchObject({ state: "on", at: at.clock.now() - AGE_MS });
  });

  test("fail one by one", async () => {
    await using at = await Many.open({
      nodes: ["pve1", "pve2"],
      guests: { 100: { runs: true }, 101: { node: "pve2", runs: true } },
    });
    await at.cluster.fail("pve2");
    expect(await at.states([100, 101, 102])).toMatchObject([{ state: "on" }, { code: "busy" }, { code: "not_found" }]);
  });

  test("of which their node tells nothing are unknown", async () => {
    await using at = await Many.open({ guests: guests(2) });
    at.cluster.tells = "unknown";
    expect(await at.states([100, 101])).toMatchObject([{ state: "unknown" }, { state: "unknown" }]);
    at.cluster.tells = "flying";
    expect(await at.states([100, 101])).toMatchObject([{ code: "protocol" }, { code: "protocol" }]);
  });

  test("that are paused are on, for the table tells QEMU's own state", async () => {
    await using at = await Many.open({ guests: guests(2, { runs: true, qmpstatus: "paused" }) });
    expect(await at.states([100, 101])).toMatchObject([{ state: "on", evidence: "paused on pve1" }, { state: "on" }]);
  });
});
