import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import driver from "../../src/drivers/proxmox.ts";
import type { How, Verb } from "../../src/power/driver.ts";
import { failureOf } from "../expecting.ts";
import { type ProxmoxOptions, PVE_TOKEN, SimulatedProxmox } from "../simulators/proxmox.ts";
import { VirtualClock } from "../virtual-clock.ts";
import { HubRun } from "./hub-run.ts";

const CLUSTER = ["pve1", "pve2"];

class Site implements AsyncDisposable {
  readonly cluster: SimulatedProxmox;
  readonly run: HubRun;
  readonly clock: VirtualClock | undefined;

  private constructor(cluster: SimulatedProxmox, run: HubRun, clock: VirtualClock | undefined) {
    this.cluster = cluster;
    this.run = run;
    this.clock = clock;
  }

  static async open(options: ProxmoxOptions & { readonly clock?: VirtualClock } = {}, hub: object = {}): Promise<Site> {
    const cluster = await SimulatedProxmox.start(options);
    return new Site(cluster, new HubRun(driver, { ...cluster.hub, ...hub }), options.clock);
  }

  /** Orders, and follows what comes of it to its end. */
  async order(verb: Verb, outlet: object = { outlet: 100 }, how?: How): Promise<void> {
    const followed = await this.run.command(verb, outlet, how);
    while (followed && (await this.run.follow(followed, outlet)) === "pending") await this.pass(10_000);
  }

  async pass(ms: number): Promise<void> {
    if (this.clock) await this.clock.run(this.clock.sleep(ms));
    else await new Promise((resolve) => setTimeout(resolve, 10));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run[Symbol.asyncDispose]();
    await this.cluster[Symbol.asyncDispose]();
  }
}

describe("a guest", () => {
  test("is found by its id or its name, on whatever node it is by then", async () => {
    await using at = await Site.open({ nodes: CLUSTER, guests: { 100: { name: "build", node: "pve1" } } });
    await at.order("on", { outlet: "build" });
    expect(await at.run.query({ outlet: 100 })).toMatchObject({ state: "on", evidence: "running on pve1" });
    at.cluster.guest().node = "pve2";
    expect(await at.run.query({ outlet: "100" })).toMatchObject({ state: "on", evidence: "running on pve2" });
    await at.order("off", { outlet: "build" });
    expect(at.cluster.guest().runs).toBe(false);
    expect(at.cluster.commands).toEqual(["start 100", "stop 100"]);
  });

  test("that migrates while it is looked for is told on its new node, once", async () => {
    await using at = await Site.open({ nodes: CLUSTER });
    at.cluster.before = (request) => {
      if (request.startsWith("POST")) at.cluster.guest().node = "pve2";
    };
    await at.order("on");
    expect(at.cluster.guest().runs).toBe(true);
    expect(at.cluster.commands).toEqual(["start 100"]);
  });

  test("that is not there, or shares its name, is told by nothing", async () => {
    await using at = await Site.open({ guests: { 100: { name: "twin" }, 101: { name: "twin" } } });
    expect(await failureOf(at.run.query({ outlet: 102 }))).toMatchObject({ code: "not_found" });
    const failure = await failureOf(at.run.command("on", { outlet: "twin" }));
    expect(failure).toMatchObject({ code: "config", message: expect.stringContaining("100, 101") });
    expect(at.cluster.commands).toEqual([]);
  });

  test("whose node the cluster does not see is neither on nor off", async () => {
    await using at = await Site.open({ nodes: CLUSTER, guests: { 100: { node: "pve2", runs: true } } });
    await at.cluster.fail("pve2");
    for (const work of [at.run.query({ outlet: 100 }), at.run.command("off", { outlet: 100 }, "hard")])
      expect(await failureOf(work)).toMatchObject({ code: "busy", mayHaveActed: false, status: 503 });
    expect(at.cluster.commands).toEqual([]);
  });

  test("whose node cannot be reached through the host that was asked is a failure, and was not told", async () => {
    await using at = await Site.open({ nodes: CLUSTER, guests: { 100: { node: "pve2" } } });
    at.cluster.cutOff("pve2");
    const failure = await failureOf(at.run.command("on", { outlet: 100 }));
    expect(failure).toMatchObject({ code: "busy", mayHaveActed: false });
    expect(at.cluster.commands).toEqual([]);
  });
});

describe("an order", () => {
  test.each(["qemu", "lxc"] as const)("for a guest (%s) that is so already is obeyed", async (type) => {
    await using at = await Site.open({ guests: { 100: { type, runs: true }, 101: { type } } });
    await at.order("on", { outlet: 100 });
    await at.order("off", { outlet: 101 }, "hard");
    expect([at.cluster.guest(100).runs, at.cluster.guest(101).runs]).toEqual([true, false]);
    expect(at.cluster.guest(100).starts).toBe(0);
  });

  test.each([
    ["qemu", "reset 100"],
    ["lxc", "reboot 100"],
  ] as const)("to reset a guest (%s) starts it anew", async (type, command) => {
    await using at = await Site.open({ guests: { 100: { type, runs: true } } });
    await at.order("reset");
    expect(at.cluster.guest().runs).toBe(true);
    expect(at.cluster.guest().starts).toBe(1);
    expect(at.cluster.commands).toEqual([command]);
  });

  test("to reset a guest that is off is refused", async () => {
    await using at = await Site.open();
    const failure = await failureOf(at.run.command("reset", { outlet: 100 }));
    expect(failure).toMatchObject({ code: "refused", message: expect.stringContaining("VM 100 not running") });
    expect(at.cluster.guest().runs).toBe(false);
  });

  test("is done when its task has ended, and not before", async () => {
    const clock = new VirtualClock();
    await using at = await Site.open({ clock, lag: 30_000 });
    const followed = await at.run.command("on", { outlet: 100 });
    if (!followed) throw new Error("there is nothing to follow");
    expect(await at.run.follow(followed, { outlet: 100 })).toBe("pending");
    expect(at.cluster.guest().runs).toBe(false);
    await at.pass(30_000);
    expect(await at.run.follow(followed, { outlet: 100 })).toBe("done");
    expect(at.cluster.guest().runs).toBe(true);
  });

  test("is done when its task ended with warnings", async () => {
    await using at = await Site.open({ success: "WARNINGS: 2" });
    await at.order("on");
    expect(at.cluster.guest().runs).toBe(true);
  });

  test("whose task fails tells the end of its log", async () => {
    await using at = await Site.open({ guests: { 100: { template: true } } });
    expect(await failureOf(at.order("on"))).toMatchObject({
      code: "refused",
      mayHaveActed: true,
      message: "start of VM 100 failed: TASK ERROR: you can't start a vm if it's a template",
    });
  });

  test("for a guest that a backup holds is busy", async () => {
    await using at = await Site.open({ guests: { 100: { lock: "backup" } } });
    const failure = await failureOf(at.order("on"));
    expect(failure).toMatchObject({ code: "busy", message: expect.stringContaining("VM is locked (backup)") });
    expect(failure.hint).toContain("qm unlock");
  });

  test.each(["body", "status"] as const)("that is refused tells why, wherever it is said (%s)", async (words) => {
    await using at = await Site.open({ words, guests: { 100: { runs: true, qmpstatus: "paused" } } });
    const failure = await failureOf(at.run.command("off", { outlet: 100 }, "soft"));
    expect(failure).toMatchObject({
      code: "refused",
      message: expect.stringContaining("VM is paused - cannot shutdown"),
    });
    expect(at.cluster.guest().runs).toBe(true);
  });

  test("that is answered with no task may have acted", async () => {
    await using at = await Site.open();
    at.cluster.before = (request) => {
      if (request.startsWith("POST")) at.cluster.handler = (_request, response) => response.end('{"data":null}');
    };
    const failure = await failureOf(at.run.command("on", { outlet: 100 }));
    expect(failure).toMatchObject({ code: "protocol", mayHaveActed: true });
  });
});

describe("the soft off", () => {
  test.each(["qemu", "lxc"] as const)("asks the guest (%s) to go down", async (type) => {
    await using at = await Site.open({ guests: { 100: { type, runs: true } } });
    await at.order("off", { outlet: 100 }, "soft");
    expect(at.cluster.guest().runs).toBe(false);
    expect(at.cluster.commands).toEqual(["shutdown 100"]);
  });

  test("of a guest that does not heed it fails after the time that was given for it", async () => {
    const clock = new VirtualClock();
    await using at = await Site.open({ clock, guests: { 100: { runs: true, hangs: true } } });
    const begun = clock.now();
    const failure = await failureOf(at.order("off", { outlet: 100, shutdown_timeout: "3m" }, "soft"));
    expect(failure).toMatchObject({
      code: "refused",
      message: expect.stringContaining("powerdown failed - got timeout"),
    });
    expect(clock.now() - begun).toBeGreaterThanOrEqual(180_000);
    expect(at.cluster.guest().runs).toBe(true);
  });

  test("does not stand in the way of the hard one", async () => {
    const clock = new VirtualClock();
    await using at = await Site.open({ clock, guests: { 100: { runs: true, hangs: true } } });
    const begun = clock.now();
    await at.run.command("off", { outlet: 100 }, "soft");
    await at.order("off", { outlet: 100 }, "hard");
    expect(at.cluster.guest().runs).toBe(false);
    expect(at.cluster.commands).toEqual(["shutdown 100", "stop 100"]);
    // A stop that had to wait for the guest's lock would have taken 10 s, and failed.
    expect(clock.now() - begun).toBeLessThan(5_000);
  });
});

describe("the state", () => {
  test.each([
    ["paused", undefined, { state: "on", evidence: "paused on pve1" }],
    ["io-error", undefined, { state: "on" }],
    ["prelaunch", undefined, { state: "on" }],
    ["prelaunch", "backup", { state: "off", evidence: "prelaunch on pve1, locked: backup" }],
    ["shutdown", undefined, { state: "on", towards: "off" }],
  ])("of QEMU's %s, locked %s, is told rightly", async (qmpstatus, lock, answer) => {
    await using at = await Site.open({
      guests: { 100: { runs: true, qmpstatus, ...(lock !== undefined && { lock }) } },
    });
    expect(await at.run.query({ outlet: 100 })).toMatchObject(answer);
  });

  test("that is no word of Proxmox's is no state", async () => {
    await using at = await Site.open({ guests: { 100: { runs: true, qmpstatus: "flying" } } });
    expect(await failureOf(at.run.query({ outlet: 100 }))).toMatchObject({ code: "protocol" });
  });

  test("of a guest under HA tells what the HA manager is about to do", async () => {
    const clock = new VirtualClock();
    await using at = await Site.open({ clock, guests: { 100: { ha: true, runs: true }, 101: { ha: true } } });
    at.cluster.guest(100).runs = false;
    expect(await at.run.query({ outlet: 100 })).toMatchObject({ state: "off", towards: "on" });
    expect(await at.run.query({ outlet: 101 })).not.toHaveProperty("towards");
    await at.order("on", { outlet: 101 });
    expect(at.cluster.guest(101).runs).toBe(false);
    await at.pass(10_000);
    expect(await at.run.query({ outlet: 101 })).toMatchObject({ state: "on" });
  });
});

describe("the outlets of a hub", () => {
  test("are its guests, without templates", async () => {
    const guests = {
      100: { name: "build" },
      101: { type: "lxc", node: "pve2", runs: true },
      900: { template: true },
    } as const;
    await using at = await Site.open({ nodes: CLUSTER, guests });
    expect(await at.run.list()).toEqual([
      { outlet: "100", label: "build, VM on pve1", state: "off" },
      { outlet: "101", label: "guest-101, container on pve2", state: "on" },
    ]);
    expect(at.cluster.requests).toEqual(["pve1 GET /cluster/resources"]);
    await at.cluster.fail("pve2");
    expect(await at.run.list()).toContainEqual({
      outlet: "101",
      label: "guest-101, container on pve2",
      state: "unknown",
    });
  });
});

describe("a host", () => {
  test("that is gone is passed over, and asked last from then on", async () => {
    await using at = await Site.open({ nodes: CLUSTER, guests: { 100: { node: "pve2" } } });
    await at.cluster.die(["pve1"]);
    await at.order("on");
    expect(at.cluster.guest().runs).toBe(true);
    await at.cluster.revive();
    expect(await at.run.query({ outlet: 100 })).toMatchObject({ state: "on" });
    expect(at.cluster.requests.filter((request) => request.startsWith("pve1"))).toEqual([]);
  });

  test("that takes connections and says nothing is passed over when a state is asked", async () => {
    await using at = await Site.open({ nodes: CLUSTER });
    at.cluster.handlers.set("pve1", () => undefined);
    expect(await at.run.query({ outlet: 100 })).toMatchObject({ state: "off" });
  });

  test("that does not answer an order may have obeyed, and no other is told", async () => {
    await using at = await Site.open({ nodes: CLUSTER });
    at.cluster.before = (request) => {
      if (request.startsWith("POST")) at.cluster.handlers.set("pve1", (incoming) => incoming.socket.destroy());
    };
    expect(await failureOf(at.run.command("on", { outlet: 100 }))).toMatchObject({ mayHaveActed: true });
    expect(at.cluster.requests.filter((request) => request.startsWith("pve2"))).toEqual([]);
    await at.order("on");
    expect(at.cluster.commands).toEqual(["start 100"]);
  });

  test.each(["unknown token", "no rights to switch", "no rights to see"] as const)(
    "that lets nobody in: %s",
    async (why) => {
      const rights = why === "no rights to switch" ? (["VM.Audit"] as const) : [];
      await using at = await Site.open(
        why === "unknown token" ? {} : { rights },
        why === "unknown token" ? { token: "hidden-wrong-token" } : {},
      );
      const failure = await failureOf(at.run.command("on", { outlet: 100 }));
      expect(failure.code).toBe(why === "no rights to see" ? "not_found" : "auth");
      expect(failure.hint).toMatch(why === "unknown token" ? /`token`/ : /VM\.Audit/);
      expect(inspect(failure, { depth: 10 })).not.toMatch(new RegExp(`hidden-wrong-token|${PVE_TOKEN}`));
      expect(at.cluster.commands).toEqual([]);
    },
  );

  test("with another certificate than the authority's is not asked", async () => {
    await using at = await Site.open({}, { ca: undefined });
    expect(await failureOf(at.run.query({ outlet: 100 }))).toMatchObject({ code: "auth" });
    expect(at.cluster.requests).toEqual([]);
  });
});

describe("settings", () => {
  const HUB = { host: "pve1", user: "maas@pve!power", token: "x" };

  test("that pin one certificate of several hosts are a mistake", () => {
    const hub = { ...HUB, other_hosts: ["pve2"], pin_sha256: "00".repeat(32) };
    const found = driver.check?.(driver.outlet.parse({ outlet: 100 }), driver.hub?.parse(hub)) ?? [];
    expect(found).toMatchObject([{ key: "pin_sha256", severity: "error" }]);
  });

  test.each(["root", "root@pam", "maas!power"])("that name no token are a mistake: %s", (user) => {
    expect(driver.hub?.safeParse({ ...HUB, user }).success).toBe(false);
  });
});
