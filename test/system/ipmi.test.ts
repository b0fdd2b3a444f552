import { createSocket } from "node:dgram";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import ipmi from "../../src/drivers/ipmi.ts";
import type { Pace } from "../../src/power/driver.ts";
import { HubRun } from "../drivers/hub-run.ts";
import { failureOf, until } from "../expecting.ts";
import { World } from "../maas/world.ts";
import { FakeBmc, IPMI_USERS, IpmiSim } from "./ipmi-servers.ts";
import { describeWith, missing } from "./need.ts";

function run(hub: object, pace: Partial<Pace> = {}): HubRun {
  return new HubRun(ipmi, hub, { interval: 0, ...pace });
}

describeWith(missing({ ipmitool: "ipmitool", ipmi_sim: "openipmi" }))("the driver ipmi against OpenIPMI", () => {
  let sim: IpmiSim;
  beforeAll(async () => {
    sim = await IpmiSim.start();
  });
  afterAll(() => sim[Symbol.asyncDispose]());

  test("switches, resets and reads with the privilege of an operator", async () => {
    await using hub = run(sim.hub("oper"));
    await hub.command("on");
    expect(await sim.power()).toBe("on");
    expect(await hub.query()).toMatchObject({ state: "on" });
    await hub.command("reset");
    await hub.command("off", {}, "hard");
    expect(await sim.power()).toBe("off");
    expect(await hub.query()).toMatchObject({ state: "off" });
    expect(await sim.orders()).toEqual(["power 1", "reset 1", "power 0"]);
  });

  test("asks the operating system for a soft off", async () => {
    await using hub = run(sim.hub());
    await hub.command("on");
    await hub.command("off", {}, "soft");
    expect((await sim.orders()).at(-1)).toBe("shutdown 1");
    expect(await sim.power()).toBe("off");
  });

  test("has the next start go over the network", async () => {
    await using hub = run(sim.hub());
    await hub.command("on", { boot: "pxe" });
    expect(await sim.boot()).toBe("pxe");
    expect((await sim.orders()).slice(-2)).toEqual(["boot pxe", "power 1"]);
  });

  // It has no suite 17, and is one of those that ignore the question which it has.
  test("finds the cipher suite in no time", async () => {
    await using hub = run(sim.hub());
    const before = performance.now();
    await hub.query();
    await hub.query();
    expect(performance.now() - before).toBeLessThan(5_000);
  });

  test.each([
    ["a wrong password", { password: "wrong one" }, /RAKP 2 HMAC is invalid/],
    ["an unknown user", { user: "nobody" }, /unauthorized name/],
    ["too low a privilege", { user: "looker", password: IPMI_USERS.looker, privilege: "user" }, /Insufficient/],
  ])("tells %s from silence, and switches nothing", async (_what, settings, words) => {
    const orders = await sim.orders();
    await using hub = run({ ...sim.hub(), ...settings });
    const failure = await failureOf(hub.command("on"));
    expect(failure).toMatchObject({ code: "auth", mayHaveActed: false, message: expect.stringMatching(words) });
    expect(await sim.orders()).toEqual(orders);
  });

  test("takes a controller that is gone for unreachable, never for off", async () => {
    await using hub = run(sim.hub());
    await hub.command("on");
    await sim.die();
    try {
      expect(await failureOf(hub.query())).toMatchObject({ code: "unreachable" });
      expect(await failureOf(hub.command("off", {}, "hard"))).toMatchObject({
        code: "unreachable",
        mayHaveActed: false,
      });
    } finally {
      await sim.revive();
    }
    expect(await hub.query()).toMatchObject({ state: "on" });
  });

  test("shows the password to nobody who looks at the processes", async () => {
    const silent = createSocket("udp4").bind(0, "127.0.0.1");
    await once(silent, "listening");
    await using hub = run({ ...sim.hub(), port: silent.address().port, kg: "key-of-the-bmc" });
    const asked = failureOf(hub.query());
    let line = "";
    await until(async () => {
      line = (await commandLines()).find((each) => each.includes(String(silent.address().port))) ?? "";
      return line !== "";
    });
    expect(line).toMatch(/^ipmitool -I lanplus /);
    expect(line).not.toMatch(/correct-horse|key-of-the-bmc/);
    expect(await asked).toMatchObject({ code: "unreachable" });
    silent.close();
  });

  test("lets MAAS switch a server through the daemon, and proves it", async () => {
    const { host, port, user, password } = sim.hub();
    await using world = await World.open({
      machines: `{ nuc1: { driver: ipmi, host: ${host}, port: ${port}, user: ${user}, password: ${password} } }`,
    });
    const maas = world.maas("nuc1");
    expect(await world.run(maas.off())).toBe("off");
    expect(await sim.power()).toBe("off");
    expect(await world.run(maas.on())).toBe("on");
    expect(await sim.power()).toBe("on");
    expect(await world.run(maas.cycle())).toBe("on");
    expect((await sim.orders()).slice(-3)).toEqual(["power 1", "power 0", "power 1"]);
  });
});

const PYGHMI = existsSync("/usr/lib/python3/dist-packages/pyghmi")
  ? undefined
  : "pyghmi is not installed (apt-get install python3-pyghmi)";

describeWith(missing({ ipmitool: "ipmitool" }), PYGHMI)("the driver ipmi against pyghmi", () => {
  test("switches and reads", async () => {
    await using bmc = await FakeBmc.start();
    await using hub = run(bmc.hub);
    expect(await hub.query()).toMatchObject({ state: "off" });
    await hub.command("on");
    expect(await hub.query()).toMatchObject({ state: "on" });
    expect(bmc.said).toContain("powered on");
    await hub.command("off", {}, "soft");
    expect(bmc.said).toContain("politely shut down the system");
    expect(await hub.query()).toMatchObject({ state: "off" });
  });

  test("tells a wrong password from silence", async () => {
    await using bmc = await FakeBmc.start();
    await using hub = run({ ...bmc.hub, password: "wrong" });
    expect(await failureOf(hub.command("on"))).toMatchObject({ code: "auth", mayHaveActed: false });
    expect(bmc.said).toBe("");
  });
});

/** Of every process, as anybody can read them. */
async function commandLines(): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => ""));
  return (await Promise.all(lines)).map((line) => line.replaceAll("\0", " "));
}
