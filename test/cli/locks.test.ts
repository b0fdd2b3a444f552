import { describe, expect, test } from "vitest";
import { ordersOf, Place, PREPARATION_MS, reads, type ServedPlace, TOKEN } from "./cli.ts";

const MACHINES = "  nuc1: { driver: simulated, boot: 0s, shutdown: 0s, initial: on }\n  nuc2: { driver: simulated }\n";

async function maas({ url }: ServedPlace, verb: string, machine: string): Promise<string> {
  const headers = { authorization: `Bearer ${TOKEN}`, "user-agent": "MAAS 3.7.3" };
  const response = await fetch(`${url}/maas/${machine}/${verb}`, { method: "POST", headers });
  return `${response.status} ${await response.text()}`;
}

describe("lock", { timeout: PREPARATION_MS }, () => {
  test("refuses everybody, MAAS included, with the reason, and shows it; unlock takes it back", async () => {
    await using place = await Place.serving(MACHINES);
    const locked = await place.run("lock", "nuc1", "--reason", "disk swap");
    expect(locked).toMatchObject({ code: 0, out: expect.stringContaining("nuc1 is locked: disk swap") });

    expect(await maas(place, "off", "nuc1")).toMatch(/^423 .*"locked".*disk swap/);
    const off = await place.run("off", "nuc1", "--yes");
    expect(off.code).toBe(4);
    expect(off.out + off.err).toContain("disk swap");
    expect(await reads(place, "nuc1")).toBe("running");
    expect(
      (await ordersOf(place, "nuc1")).filter((order) => order.steps.some((step) => step.what === "command")),
    ).toEqual([]);
    expect((await place.run("list")).out).toMatch(/nuc1 .*locked/);
    expect((await place.run("status", "nuc1")).out).toContain("disk swap");
    expect((await place.run("events")).out).toMatch(/nuc1 {2}locked by .*: disk swap/);

    const unlocked = await place.run("unlock", "nuc1");
    expect(unlocked.out).toMatch(/nuc1 is unlocked; it was locked by .*: disk swap/);
    // The same click of MAAS would hear the same once more; a person's order is always new.
    expect((await place.run("off", "nuc1", "--yes")).code).toBe(0);
    expect(await reads(place, "nuc1")).toBe("stopped");
  });

  test("outlasts a daemon that is killed", async () => {
    await using place = await Place.serving(MACHINES, "store: { path: ./own.db }");
    await place.run("lock", "nuc1", "--reason", "disk swap");
    await place.daemon.end("SIGKILL");
    const daemon = await place.serve();
    const { url } = JSON.parse(daemon.out) as { readonly url: string };
    expect(await maas(Object.assign(place, { url }), "off", "nuc1")).toMatch(/^423 .*disk swap/);
  });

  test("needs a reason, and a machine that is there", async () => {
    await using place = await Place.serving(MACHINES);
    expect((await place.run("lock", "nuc1")).code).toBe(2);
    expect((await place.run("lock", "nuc9", "--reason", "x")).code).toBe(2);
    expect((await place.run("unlock", "nuc2")).out).toContain("nuc2 was not locked");
    expect(await reads(place, "nuc1")).toBe("running");
  });
});

describe("hubs trust", { timeout: PREPARATION_MS }, () => {
  test("accepts the device that answers now, and says who did", async () => {
    await using place = await Place.serving("  a: { hub: lab, outlet: one }\nhubs: { lab: { driver: simulated } }\n");
    await place.run("status", "a");
    const trusted = await place.run("hubs", "trust", "lab");
    expect(trusted).toMatchObject({ code: 0 });
    expect((await place.run("events")).out).toMatch(/lab {2}another device was accepted by /);
    expect((await place.run("hubs", "trust", "nothing")).code).toBe(2);
  });
});
