/**
 * The units of `init --systemd`, as far as they can be tried without a systemd that runs: systemd-analyze reads them, and what
 * the drivers run is run with the rights that the service has, as setpriv gives them.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serviceUnit, socketUnit } from "../../src/cli/systemd-units.ts";
import { describeWith, missing, notRoot, pathOf } from "./need.ts";
import { MACHINE_ADDRESS, Network } from "./network.ts";

const run = promisify(execFile);

/** Paths that are there wherever this is tested: systemd-analyze looks whether what is started can be started. */
const UNIT = serviceUnit({
  node: process.execPath,
  main: import.meta.filename,
  config: "/etc/maasochist/maasochist.yaml",
  state: "/var/lib/maasochist",
});

/** More than this is what systemd calls exposed (0 to 10). What is left is the network and JavaScript's own compiler. */
const MOST_EXPOSED = 2.5;

let folder: string;
let service: string;
let socket: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "maasochist-units-"));
  service = join(folder, "maasochist.service");
  socket = join(folder, "maasochist.socket");
  writeFileSync(service, UNIT);
  writeFileSync(socket, socketUnit("127.0.0.1:6227"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function setting(name: string): string {
  return new RegExp(`^${name}=(.*)$`, "m").exec(UNIT)?.[1] ?? "";
}

describeWith(missing({ "systemd-analyze": "systemd" }))("systemd-analyze", () => {
  test("finds nothing wrong with the units", async () => {
    const { stdout, stderr } = await run("systemd-analyze", ["verify", "--man=no", service, socket]);
    expect(stdout + stderr).toBe("");
  });

  test("finds the service as little exposed as one can be that serves a network", async () => {
    const { stdout } = await run("systemd-analyze", ["security", "--offline=true", "--no-pager", service]);
    const exposed = /Overall exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1];
    expect(Number(exposed)).toBeLessThanOrEqual(MOST_EXPOSED);
  });
});

/** The service's rights, by setpriv(1): root counts for nothing, and what is not in the unit is not had. */
function rights(capabilities: string): string[] {
  const set = ["-all", ...(capabilities === "" ? [] : [`+${capabilities.toLowerCase().replace(/^cap_/, "")}`])].join(
    ",",
  );
  const bounding = `-all,+${setting("CapabilityBoundingSet").toLowerCase().replace(/^cap_/, "")}`;
  return [
    pathOf("setpriv") ?? "setpriv",
    "--securebits=+noroot",
    ...(setting("NoNewPrivileges") === "yes" ? ["--no-new-privs"] : []),
    `--bounding-set=${bounding}`,
    `--inh-caps=${set}`,
    `--ambient-caps=${set}`,
  ];
}

describeWith(missing({ ip: "iproute2", ping: "iputils-ping", setpriv: "util-linux" }), notRoot())(
  "with the rights of the service",
  () => {
    const silent = { host: MACHINE_ADDRESS, by: ["icmp"], wait: "500ms", misses: 1, silence: "off" };

    test("`reachable` pings, in a network that lets no account ping by itself", async () => {
      await using network = await Network.open();
      const under = rights(setting("AmbientCapabilities"));
      expect(await network.call("reachable", "query", { ...silent, under })).toMatchObject({
        answer: { state: "on", evidence: `${MACHINE_ADDRESS} answers ping` },
      });
    });

    test("it is AmbientCapabilities= that lets it", async () => {
      await using network = await Network.open();
      expect(await network.call("reachable", "query", { ...silent, under: rights("") })).toMatchObject({
        failure: { code: "unreachable", message: expect.stringContaining("ping cannot ask") },
      });
    });

    test("`reachable` asks by TCP and ARP", async () => {
      await using network = await Network.open();
      const under = rights(setting("AmbientCapabilities"));
      for (const by of ["tcp", "arp"])
        expect(await network.call("reachable", "query", { ...silent, by: [by], under })).toMatchObject({
          answer: { state: "on" },
        });
    });

    test("`wake-on-lan` broadcasts", async () => {
      await using network = await Network.open();
      const under = rights(setting("AmbientCapabilities"));
      const card = { mac: "00:00:5e:00:53:07", broadcast: "10.98.0.255" };
      expect(await network.call("wake-on-lan", "on", { ...card, under })).not.toHaveProperty("failure");
    });

    test("`command` runs a program and a shell, with no more rights than the service", async () => {
      await using network = await Network.open();
      const under = rights(setting("AmbientCapabilities"));
      const query = `grep -qx 'NoNewPrivs:\\t1' /proc/self/status && grep -qx 'CapEff:\\t0*2000' /proc/self/status && echo on`;
      const outlet = { shell: true, run: { query: query.replaceAll("\\t", "\t") }, under };
      expect(await network.call("command", "query", outlet)).toMatchObject({ answer: { state: "on" } });
    });
  },
);

describeWith(missing({ ip: "iproute2", setpriv: "util-linux", virsh: "libvirt-clients" }), notRoot())(
  "virsh with the rights of the service",
  () => {
    test("tells the state of a domain", async () => {
      await using network = await Network.open();
      const outlet = {
        run: { query: ["virsh", "-c", "test:///default", "domstate", "test"] },
        on_regex: "running",
        off_regex: "shut off",
      };
      const under = rights(setting("AmbientCapabilities"));
      expect(await network.call("command", "query", { ...outlet, under })).toMatchObject({ answer: { state: "on" } });
    });
  },
);
