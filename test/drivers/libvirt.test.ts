import { existsSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, expect, test } from "vitest";
import libvirt from "../../src/drivers/libvirt.ts";
import type { Pace } from "../../src/power/driver.ts";
import { failureOf } from "../expecting.ts";
import { type DomainState, Hypervisor, type HypervisorFault } from "../simulators/libvirt.ts";
import { keyPair, SshMachine } from "../simulators/ssh.ts";
import { HubRun } from "./hub-run.ts";

const NODE1 = { outlet: "node1" };

function run(hypervisor: Hypervisor, pace: Partial<Pace> = {}): HubRun {
  return new HubRun(libvirt, { uri: hypervisor.uri }, pace);
}

function withNode1(state: DomainState): Hypervisor {
  return Hypervisor.start({ domains: { node1: state, node2: "running" } });
}

describe("a domain", () => {
  test.each([
    ["running", { state: "on" }],
    ["idle", { state: "on" }],
    ["shut off", { state: "off" }],
    ["in shutdown", { state: "on", towards: "off" }],
    ["paused", { state: "unknown", reason: expect.stringContaining("paused") }],
    ["pmsuspended", { state: "unknown", reason: expect.stringContaining("sleeps") }],
    ["crashed", { state: "unknown", reason: expect.stringContaining("crashed") }],
    ["no state", { state: "unknown" }],
  ] as const)("that is %s reads so", async (state, answer) => {
    using hypervisor = withNode1(state);
    await using hub = run(hypervisor);
    expect(await hub.query(NODE1)).toMatchObject({ ...answer, evidence: `domain ${state}` });
  });

  test.each([
    ["shut off", ["start node1"]],
    ["running", []],
    ["paused", ["resume node1"]],
    ["pmsuspended", ["dompmwakeup node1"]],
    ["crashed", ["destroy node1", "start node1"]],
  ] as const)("that is %s runs after an on", async (state, commands) => {
    using hypervisor = withNode1(state);
    await using hub = run(hypervisor);
    await hub.command("on", NODE1);
    expect(hypervisor.state("node1")).toBe("running");
    expect(hypervisor.commands).toEqual(commands);
  });

  test("that is still shutting down cannot be started yet", async () => {
    using hypervisor = withNode1("in shutdown");
    await using hub = run(hypervisor);
    expect(await failureOf(hub.command("on", NODE1))).toMatchObject({ code: "busy", mayHaveActed: false });
    expect(hypervisor.commands).toEqual([]);
  });

  test.each(["running", "paused", "crashed", "pmsuspended", "in shutdown", "shut off"] as const)(
    "that is %s is off after a hard off",
    async (state) => {
      using hypervisor = withNode1(state);
      await using hub = run(hypervisor);
      await hub.command("off", NODE1, "hard");
      expect(hypervisor.state("node1")).toBe("shut off");
      expect(hypervisor.state("node2")).toBe("running");
    },
  );

  test.each([
    [undefined, "shutdown --domain node1"],
    ["acpi", "shutdown --mode acpi --domain node1"],
    ["agent", "shutdown --mode agent --domain node1"],
  ])("is asked to shut down the way %s", async (soft, call) => {
    using hypervisor = withNode1("running");
    await using hub = run(hypervisor);
    await hub.command("off", { ...NODE1, soft }, "soft");
    expect(hypervisor.calls).toEqual([call]);
    expect(hypervisor.state("node1")).toBe("shut off");
  });

  test("that is off already counts as shut down", async () => {
    using hypervisor = withNode1("shut off");
    await using hub = run(hypervisor);
    await hub.command("off", NODE1, "soft");
    expect(hypervisor.commands).toEqual([]);
  });

  test("that is paused cannot be asked, and stays as it is", async () => {
    using hypervisor = withNode1("paused");
    await using hub = run(hypervisor);
    expect(await failureOf(hub.command("off", NODE1, "soft"))).toMatchObject({
      code: "refused",
      message: expect.stringContaining("domain is not running"),
    });
    expect(hypervisor.state("node1")).toBe("paused");
  });

  test("is reset while it runs, and only then", async () => {
    using hypervisor = withNode1("running");
    await using hub = run(hypervisor);
    await hub.command("reset", NODE1);
    expect(hypervisor.commands).toEqual(["reset node1"]);
    hypervisor.set("node1", "shut off");
    expect(await failureOf(hub.command("reset", NODE1))).toMatchObject({ code: "refused" });
  });

  test("that nobody knows is no state, and the others are not touched", async () => {
    using hypervisor = withNode1("running");
    await using hub = run(hypervisor);
    const outlet = { outlet: "node9" };
    for (const asked of [hub.query(outlet), hub.command("on", outlet), hub.command("off", outlet, "hard")])
      expect(await failureOf(asked)).toMatchObject({ code: "not_found", mayHaveActed: false });
    expect(hypervisor.commands).toEqual([]);
  });

  test("that is transient is gone when it is off, which is no state", async () => {
    using hypervisor = Hypervisor.start({ domains: { node1: "running" }, transient: ["node1"] });
    await using hub = run(hypervisor);
    await hub.command("off", NODE1, "hard");
    expect(await failureOf(hub.query(NODE1))).toMatchObject({
      code: "not_found",
      hint: expect.stringContaining("virsh define"),
    });
  });

  test.each(["--all", "two words", "it's", "a shut off   b", "über", "$(reboot)", "x running"])(
    "may be called %s",
    async (outlet) => {
      for (const table of ["fixed", "wide"] as const) {
        using hypervisor = Hypervisor.start({ table, domains: { [outlet]: "shut off", other: "running" } });
        await using hub = run(hypervisor);
        await hub.command("on", { outlet });
        expect(await hub.query({ outlet })).toMatchObject({ state: "on" });
        await hub.command("off", { outlet }, "hard");
        expect(await hub.query({ outlet })).toMatchObject({ state: "off" });
        expect(hypervisor.state("other")).toBe("running");
      }
    },
  );
});

describe("a hypervisor", () => {
  test("with 500 domains is read in one call", async () => {
    const names = Array.from({ length: 500 }, (_, index) => `node${index}`);
    const state = (index: number): DomainState => (index % 3 === 0 ? "shut off" : "running");
    const domains = Object.fromEntries(names.map((name, index) => [name, state(index)]));
    using hypervisor = Hypervisor.start({ domains });
    await using hub = run(hypervisor);
    const answers = await hub.queryAll(names.map((outlet) => ({ outlet })));
    expect(answers).toHaveLength(500);
    for (const [index, answer] of answers.entries())
      expect(answer).toMatchObject({ value: { state: index % 3 === 0 ? "off" : "on" } });
    expect(hypervisor.calls).toEqual(["list --all"]);
  });

  test("tells each of many machines its own failure", async () => {
    using hypervisor = withNode1("running");
    await using hub = run(hypervisor);
    const [known, unknown] = await hub.queryAll([NODE1, { outlet: "node9" }]);
    expect(known).toMatchObject({ value: { state: "on" } });
    expect(unknown).toMatchObject({ reason: { code: "not_found" } });
  });

  test("lists its domains with their states", async () => {
    using hypervisor = Hypervisor.start({ domains: { b: "paused", "a b": "shut off", c: "running" } });
    await using hub = run(hypervisor);
    expect(await hub.list()).toEqual([
      { outlet: "b", state: "unknown" },
      { outlet: "a b", state: "off" },
      { outlet: "c", state: "on" },
    ]);
  });

  test("without domains has none", async () => {
    using hypervisor = Hypervisor.start({ domains: {} });
    await using hub = run(hypervisor);
    expect(await hub.list()).toEqual([]);
  });
});

describe("the failure", () => {
  test.each<[string, HypervisorFault, string, boolean]>([
    ["of a libvirt that does not run", "gone", "unreachable", false],
    ["of an account that may not use it", "forbidden", "auth", false],
    ["of a libvirt that hangs", "silent", "timeout", true],
    ["of a libvirt that ends as it obeys", "dies", "unreachable", true],
    ["of a domain that another task holds", "busy", "busy", false],
  ])("%s tells whether the order may have acted", async (_what, fault, code, mayHaveActed) => {
    using hypervisor = withNode1("shut off");
    hypervisor.fault = fault;
    await using hub = run(hypervisor, { timeout: 3_000 });
    expect(await failureOf(hub.command("on", NODE1))).toMatchObject({ code, mayHaveActed });
    expect(hypervisor.state("node1")).toBe(fault === "dies" ? "running" : "shut off");
  });

  test("of a missing virsh says how to get it", async () => {
    using hypervisor = withNode1("running");
    const path = process.env["PATH"];
    process.env["PATH"] = "/nonexistent";
    try {
      await using hub = run(hypervisor);
      expect(await failureOf(hub.query(NODE1))).toMatchObject({
        code: "config",
        hint: expect.stringContaining("apt-get install libvirt-clients"),
      });
    } finally {
      process.env["PATH"] = path;
    }
  });
});

describe("over SSH", () => {
  const PASSWORD = "correct horse";

  async function overSsh(hypervisor: Hypervisor, programs = (line: string) => hypervisor.shell(line)) {
    const host = await SshMachine.start({ users: { maas: { password: PASSWORD } }, programs });
    const login = { host: "127.0.0.1", port: host.port, user: "maas", password: PASSWORD, host_key: "any" };
    return { host, hub: new HubRun(libvirt, { ...login, uri: hypervisor.uri }) };
  }

  test("virsh runs on the hypervisor, by one login", async () => {
    using hypervisor = withNode1("shut off");
    const { host, hub } = await overSsh(hypervisor);
    await using _host = host;
    await using _hub = hub;
    await hub.command("on", NODE1);
    expect(await hub.query(NODE1)).toMatchObject({ state: "on" });
    expect(hypervisor.commands).toEqual(["start node1"]);
    expect(host.logins).toEqual(["password"]);
  });

  test.each(["it's", "two words", "$(reboot)", "a;b", "`x`", "-c"])(
    "a domain called %s reaches virsh as one word",
    async (outlet) => {
      using hypervisor = Hypervisor.start({ domains: { [outlet]: "shut off" } });
      const { host, hub } = await overSsh(hypervisor);
      await using _host = host;
      await using _hub = hub;
      await hub.command("on", { outlet });
      expect(hypervisor.state(outlet)).toBe("running");
    },
  );

  test("a hypervisor without virsh is told from one that refuses", async () => {
    using hypervisor = withNode1("shut off");
    const missing = { code: 127, stderr: "env: 'virsh': No such file or directory\n" };
    const { host, hub } = await overSsh(hypervisor, () => Promise.resolve(missing));
    await using _host = host;
    await using _hub = hub;
    expect(await failureOf(hub.command("on", NODE1))).toMatchObject({
      code: "config",
      mayHaveActed: false,
      message: "there is no virsh on 127.0.0.1 for maas",
    });
  });

  test("a connection that goes down under the order may have acted", async () => {
    using hypervisor = withNode1("shut off");
    const { host, hub } = await overSsh(hypervisor, async (line) => {
      await hypervisor.shell(line);
      host.dropConnections();
      return undefined;
    });
    await using _host = host;
    await using _hub = hub;
    expect(await failureOf(hub.command("on", NODE1))).toMatchObject({ code: "unreachable", mayHaveActed: true });
    expect(hypervisor.state("node1")).toBe("running");
  });

  test("a hypervisor that is gone is unreachable, and no domain is off", async () => {
    using hypervisor = withNode1("running");
    const { host, hub } = await overSsh(hypervisor);
    await using _hub = hub;
    await host[Symbol.asyncDispose]();
    expect(await failureOf(hub.query(NODE1))).toMatchObject({ code: "unreachable" });
  });

  test("words of a wrong program are masked", async () => {
    using hypervisor = withNode1("running");
    const { host, hub } = await overSsh(hypervisor, () => Promise.resolve({ stdout: `password: ${PASSWORD}\n` }));
    await using _host = host;
    await using _hub = hub;
    const failure = await failureOf(hub.query(NODE1));
    expect(failure).toMatchObject({ code: "protocol", message: expect.stringContaining("•••") });
    expect(failure.message).not.toContain(PASSWORD);
  });
});

describe("over qemu+ssh", () => {
  const pair = keyPair();
  const tunnel = async (settings: object) => {
    using hypervisor = withNode1("running");
    await using hub = new HubRun(libvirt, {
      host: "kvm1.example",
      port: 2222,
      via: "qemu+ssh",
      user: "maas",
      uri: hypervisor.uri,
      ...settings,
    });
    expect(await hub.query(NODE1)).toMatchObject({ state: "on" });
    if (!hypervisor.tunnel) throw new Error("there was no tunnel");
    return hypervisor.tunnel;
  };

  test("virsh runs here, and OpenSSH is told user, port and key, which only this account can read", async () => {
    const { user, host, script, scriptMode, key, keyMode } = await tunnel({ key: pair.private });
    expect({ user, host }).toEqual({ user: "maas", host: "kvm1.example:2222" });
    expect(key?.trim()).toBe(pair.private.trim());
    expect({ scriptMode, keyMode }).toEqual({ scriptMode: 0o700, keyMode: 0o600 });
    expect(script).toContain("StrictHostKeyChecking=yes");
    expect(script).toContain("IdentitiesOnly=yes");
    expect(script).toContain("BatchMode=yes");
    expect(script).not.toContain("PRIVATE KEY");
  });

  test("known hosts may stand in a file of their own", async () => {
    const { script } = await tunnel({ key: pair.private, known_hosts: "/etc/mso/known hosts" });
    expect(script).toContain(`-o 'UserKnownHostsFile="/etc/mso/known hosts"'`);
  });

  test("any host key is taken where that is wanted", async () => {
    const { script } = await tunnel({ key: pair.private, host_key: "any" });
    expect(script).toContain("StrictHostKeyChecking=no");
    expect(script).toContain("UserKnownHostsFile=/dev/null");
  });

  test("an agent's keys are used", async () => {
    const { script, key } = await tunnel({ agent: "/run/agent.sock" });
    expect(script).toContain(`IdentityAgent="/run/agent.sock"`);
    expect(key).toBeUndefined();
  });

  test("nothing is left behind", async () => {
    const { script } = await tunnel({ key: pair.private });
    const [, file = ""] = /IdentityFile="([^"]+)"/.exec(script) ?? [];
    expect(file.startsWith(tmpdir())).toBe(true);
    expect(existsSync(file)).toBe(false);
    expect(readdirSync(tmpdir())).not.toContain(file.split("/").at(-2));
  });
});

describe("in a configuration", () => {
  const findings = (hub: object) => {
    const found = libvirt.check?.(libvirt.outlet.parse(NODE1), libvirt.hub?.parse(hub)) ?? [];
    return found.map(({ key, problem }) => `${key}: ${problem}`);
  };
  const { private: key } = keyPair();

  test.each([
    ["a login and no host", { user: "maas", key }, ["user: ", "key: "]],
    ["a host and no user", { host: "kvm1", key }, ["user: is needed"]],
    ["nothing that proves who it is", { host: "kvm1", user: "maas" }, ["user: nothing proves"]],
    [
      "a URI that names a host again",
      { host: "kvm1", user: "maas", key, uri: "qemu+ssh://kvm2/system" },
      ["uri: is, with `host`"],
    ],
    [
      "a password for OpenSSH",
      { host: "kvm1", user: "maas", password: "p", via: "qemu+ssh" },
      ["password: OpenSSH takes none"],
    ],
    [
      "the first host key for OpenSSH",
      { host: "kvm1", user: "maas", key, via: "qemu+ssh", host_key: "first" },
      ["host_key: `first` is only"],
    ],
  ])("%s is found", (_what, hub, expected) => {
    expect(findings(hub)).toEqual(expected.map((start) => expect.stringContaining(start)));
  });

  test.each([
    ["this host", {}],
    ["any URI of libvirt", { uri: "qemu+ssh://root@kvm1/system?keyfile=/root/.ssh/id" }],
    ["a host by SSH", { host: "kvm1", user: "maas", password: "p" }],
    ["a host by qemu+ssh", { host: "kvm1", user: "maas", agent: true, via: "qemu+ssh" }],
  ])("%s is right", (_what, hub) => {
    expect(findings(hub)).toEqual([]);
  });
});
