import { once } from "node:events";
import { chmod, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import libvirt from "../../src/drivers/libvirt.ts";
import { HubRun } from "../drivers/hub-run.ts";
import { failureOf, until } from "../expecting.ts";
import { World } from "../maas/world.ts";
import { Libvirtd } from "./libvirtd.ts";
import { describeWith, missing, notRoot } from "./need.ts";
import { type Account, createAccount, Sshd } from "./sshd.ts";

const PROGRAMS = missing({
  virsh: "libvirt-clients",
  libvirtd: "libvirt-daemon-system",
  "qemu-system-x86_64": "qemu-system-x86",
  sshd: "openssh-server",
  "ssh-keyscan": "openssh-client",
});

let account: Account;
let libvirtd: Libvirtd;

describeWith(PROGRAMS, notRoot())("the driver libvirt against libvirt", () => {
  beforeAll(async () => {
    account = await createAccount();
    libvirtd = await Libvirtd.start(account);
    await libvirtd.define("guest", { deaf: false });
    await libvirtd.define("deaf", { deaf: true });
  });
  afterAll(async () => {
    await libvirtd[Symbol.asyncDispose]();
    await account[Symbol.asyncDispose]();
  });

  describe("and its simulated hypervisor", () => {
    const TEST = { outlet: "test" };
    const here = () => new HubRun(libvirt, { uri: libvirtd.simulated });
    const state = () => libvirtd.domstate(libvirtd.simulated, "test");

    test("switches, resets and reads a domain", async () => {
      await using hub = here();
      for (const how of ["hard", "soft"] as const) {
        await hub.command("off", TEST, how);
        expect(await state()).toBe("shut off");
        expect(await hub.query(TEST)).toMatchObject({ state: "off" });
        await hub.command("on", TEST);
        expect(await state()).toBe("running");
        expect(await hub.query(TEST)).toMatchObject({ state: "on" });
      }
      await hub.command("reset", TEST);
      expect(await state()).toBe("running");
    });

    test("takes what is so already for done", async () => {
      await using hub = here();
      await hub.command("on", TEST);
      await hub.command("on", TEST);
      expect(await state()).toBe("running");
      for (const how of ["hard", "hard", "soft"] as const) await hub.command("off", TEST, how);
      expect(await state()).toBe("shut off");
    });

    test("resumes a paused domain, which is neither on nor off before", async () => {
      await using hub = here();
      await hub.command("on", TEST);
      await libvirtd.virsh(libvirtd.simulated, "suspend", "test");
      expect(await hub.query(TEST)).toMatchObject({ state: "unknown" });
      await hub.command("on", TEST);
      expect(await state()).toBe("running");
      await libvirtd.virsh(libvirtd.simulated, "suspend", "test");
      await hub.command("off", TEST, "hard");
      expect(await state()).toBe("shut off");
    });

    test("lists domains, and says of any other that it is not there", async () => {
      await using hub = here();
      await hub.command("off", TEST, "hard");
      expect(await hub.list()).toEqual([{ outlet: "test", state: "off" }]);
      for (const asked of [hub.query({ outlet: "nobody" }), hub.command("on", { outlet: "nobody" })])
        expect(await failureOf(asked)).toMatchObject({ code: "not_found", mayHaveActed: false });
    });

    test("passes on what libvirt refuses", async () => {
      await using hub = here();
      await hub.command("on", TEST);
      // It knows no ACPI.
      expect(await failureOf(hub.command("off", { ...TEST, soft: "acpi" }, "soft"))).toMatchObject({
        code: "refused",
        message: expect.stringContaining("unsupported flags"),
      });
      expect(await state()).toBe("running");
    });

    test("takes a libvirt that is gone for unreachable, never for off", async () => {
      await using hub = here();
      await libvirtd.die();
      try {
        expect(await failureOf(hub.query(TEST))).toMatchObject({ code: "unreachable" });
        expect(await failureOf(hub.command("off", TEST, "hard"))).toMatchObject({
          code: "unreachable",
          mayHaveActed: false,
        });
      } finally {
        await libvirtd.revive();
      }
      expect(await hub.query(TEST)).toMatchObject({ state: "on" });
    });

    test("lets MAAS switch a domain through the daemon, and proves it", async () => {
      await using world = await World.open({
        machines: `{ nuc1: { driver: libvirt, uri: "${libvirtd.simulated}", outlet: test } }`,
      });
      const maas = world.maas("nuc1");
      expect(await world.run(maas.off())).toBe("off");
      expect(await state()).toBe("shut off");
      expect(await world.run(maas.on())).toBe("on");
      expect(await world.run(maas.cycle())).toBe("on");
      expect(await state()).toBe("running");
    });
  });

  describe("and a guest of QEMU that honours ACPI", () => {
    const GUEST = { outlet: "guest" };
    const state = () => libvirtd.domstate(libvirtd.qemu, "guest");
    beforeEach(() => libvirtd.virsh(libvirtd.qemu, "destroy", "guest").catch(() => ""));

    test("switches it on, asks it to shut down, and cuts it", async () => {
      await using hub = new HubRun(libvirt, { uri: libvirtd.qemu });
      await hub.command("on", GUEST);
      expect(await state()).toBe("running");
      // Until it listens to its power button the press is lost.
      await until(
        async () => {
          await hub.command("off", { ...GUEST, soft: "acpi" }, "soft");
          return (await state()) === "shut off";
        },
        30_000,
        500,
      );
      await hub.command("on", GUEST);
      await hub.command("reset", GUEST);
      expect(await state()).toBe("running");
      await hub.command("off", GUEST, "hard");
      expect(await state()).toBe("shut off");
    });

    test("lets MAAS cut one that heeds no soft off", async () => {
      await using world = await World.open({
        hubs: `{ kvm: { driver: libvirt, uri: "${libvirtd.qemu}" } }`,
        machines:
          "{ nuc1: { on: { hub: kvm, outlet: deaf }, off: [{ hub: kvm, outlet: deaf, how: soft, wait: 3s }, { hub: kvm, outlet: deaf, how: hard }], query: { hub: kvm, outlet: deaf } } }",
      });
      const maas = world.maas("nuc1");
      expect(await world.run(maas.on())).toBe("on");
      const begun = world.clock.now();
      expect(await world.run(maas.off())).toBe("off");
      expect(world.clock.now() - begun).toBeGreaterThanOrEqual(3_000);
      expect(await libvirtd.virsh(libvirtd.qemu, "domstate", "deaf", "--reason")).toBe("shut off (destroyed)");
    });
  });

  describe("over SSH", () => {
    const GUEST = { outlet: "guest" };
    const state = () => libvirtd.domstate(libvirtd.qemu, "guest");
    let server: Sshd;
    beforeAll(async () => {
      server = await Sshd.start({ account });
    });
    afterAll(() => server[Symbol.asyncDispose]());

    const login = () => ({
      host: "127.0.0.1",
      port: server.port,
      user: account.name,
      uri: "qemu:///session",
      key: server.key,
      known_hosts: join(server.folder, "known_hosts"),
    });
    beforeEach(async () => {
      await writeFile(join(server.folder, "known_hosts"), await server.scan());
      await libvirtd.virsh(libvirtd.qemu, "destroy", "guest").catch(() => "");
    });

    test.each([
      ["virsh there, by key", () => ({ via: "ssh" })],
      [
        "virsh there, by password",
        () => ({ via: "ssh", key: undefined, password: account.password, host_key: "any", known_hosts: undefined }),
      ],
      ["virsh here, by qemu+ssh", () => ({ via: "qemu+ssh" })],
      [
        "virsh here, by qemu+ssh to whoever answers",
        () => ({ via: "qemu+ssh", host_key: "any", known_hosts: undefined }),
      ],
    ])("switches a guest with %s", async (_how, settings) => {
      await using hub = new HubRun(libvirt, { ...login(), ...settings() });
      await hub.command("on", GUEST);
      expect(await state()).toBe("running");
      expect(await hub.list()).toContainEqual({ outlet: "guest", state: "on" });
      await hub.command("off", GUEST, "hard");
      expect(await state()).toBe("shut off");
      expect(await hub.query(GUEST)).toMatchObject({ state: "off" });
    });

    test.each(["ssh", "qemu+ssh"])("lets nobody in with a key that the host does not take, by %s", async (via) => {
      const stranger = await Sshd.start({ account });
      await using hub = new HubRun(libvirt, { ...login(), via, key: stranger.key });
      await stranger[Symbol.asyncDispose]();
      expect(await failureOf(hub.command("on", GUEST))).toMatchObject({ code: "auth", mayHaveActed: false });
      expect(await state()).toBe("shut off");
    });

    test.each(["ssh", "qemu+ssh"])("does not go on with a host that is not known, by %s", async (via) => {
      await writeFile(join(server.folder, "known_hosts"), "");
      await using hub = new HubRun(libvirt, { ...login(), via });
      expect(await failureOf(hub.command("on", GUEST))).toMatchObject({ code: "auth", mayHaveActed: false });
    });

    test.each(["ssh", "qemu+ssh"])("does not go on with a host that has another key, by %s", async (via) => {
      await server.renewHostKey();
      await using hub = new HubRun(libvirt, { ...login(), via });
      expect(await failureOf(hub.command("on", GUEST))).toMatchObject({ code: "wrong_device", mayHaveActed: false });
      expect(await state()).toBe("shut off");
    });

    test("says what an account needs that may not use libvirt", async () => {
      const socket = join(server.folder, "guarded.sock");
      const guarded = createServer().listen(socket);
      await once(guarded, "listening");
      await chmod(socket, 0o600);
      await using hub = new HubRun(libvirt, { ...login(), uri: `qemu:///session?socket=${socket}` });
      expect(await failureOf(hub.command("on", GUEST))).toMatchObject({
        code: "auth",
        mayHaveActed: false,
        hint: expect.stringContaining("usermod -aG libvirt"),
      });
      guarded.close();
    });

    test.each(["ssh", "qemu+ssh"])("tells a host without sshd, by %s", async (via) => {
      await using hub = new HubRun(libvirt, { ...login(), via, port: 9 });
      expect(await failureOf(hub.query(GUEST))).toMatchObject({ code: "unreachable" });
    });
  });
});
