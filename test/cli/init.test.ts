import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { pathsBeside } from "../../src/store/paths.ts";
import { keptPort } from "../kept-port.ts";
import { mac } from "../maas-api/rack.ts";
import { ADMIN } from "../simulators/maas.ts";
import { type Failure, MAIN, Place, PREPARATION_MS } from "./cli.ts";
import { MaasPlace } from "./maas-place.ts";

describe("init", { timeout: PREPARATION_MS }, () => {
  test("writes files that are valid and served at once, by the address that was given", async () => {
    await using place = Place.with();
    const listen = `127.0.0.1:${await keptPort()}`;
    const { code, out } = await place.run("init", "lab", "--listen", listen);
    expect(code).toBe(0);
    expect(out).toContain(`to ${place.file("lab")}. Next:\n`);
    expect(out).toContain("maasochist -c lab/maasochist.yaml serve\n");
    expect(await place.run("-c", "lab/maasochist.yaml", "config", "check", "--strict")).toMatchObject({
      code: 0,
      out: `${place.file("lab/maasochist.yaml")}: valid, 1 machine\n`,
    });
    const daemon = await place.serve("-c", "lab/maasochist.yaml");
    expect(daemon.out).toContain(`"url":"http://${listen}"`);
    const { maas_token: token } = parse(readFileSync(place.file("lab/secrets.yaml"), "utf8")) as { maas_token: string };
    const answer = await fetch(`http://${listen}/maas/try-me/query`, { headers: { authorization: `Bearer ${token}` } });
    expect(await answer.json()).toEqual({ status: "stopped" });
    expect((await place.run("-c", "lab/maasochist.yaml", "config", "show")).out).not.toContain(token);
  });

  test("keeps the secrets to this account, and gives the editor its schema", async () => {
    await using place = Place.with();
    await place.run("init");
    expect(statSync(place.file("secrets.yaml")).mode & 0o777).toBe(0o600);
    expect(readFileSync(place.file("maasochist.yaml"), "utf8")).toMatch(
      /^# yaml-language-server: \$schema=\.\/maasochist\.schema\.json\n/,
    );
    const schema = readFileSync(place.file("maasochist.schema.json"), "utf8");
    expect((await place.run("config", "schema")).out).toBe(schema);
  });

  test("replaces nothing unless --force says so", async () => {
    await using place = Place.with({ "secrets.yaml": "mine: yes\n" });
    const { code, error } = await place.json<Failure>("init");
    expect(code).toBe(1);
    expect(error.message).toBe(`${place.file("secrets.yaml")} is there already, and nothing was written`);
    expect(error.hint).toContain("--force");
    expect(() => statSync(place.file("maasochist.yaml"))).toThrow("ENOENT");
    expect(await place.json("init", "--force")).toMatchObject({ code: 0, folder: place.path });
    expect(readFileSync(place.file("secrets.yaml"), "utf8")).toContain("maas_token: ");
  });

  test("refuses what is no address to listen on", async () => {
    await using place = Place.with();
    expect(await place.json<Failure>("init", "--listen", "everywhere")).toMatchObject({
      code: 2,
      error: { message: '"everywhere" is no address to listen on' },
    });
  });
});

/** The values of a unit's settings; a setting that stands twice has the last one. */
function settingsOf(unit: string): Record<string, string> {
  const lines = unit.split("\n").filter((line) => /^\w+=/.test(line));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}

describe("init --systemd", { timeout: PREPARATION_MS }, () => {
  test("writes units for the system's configuration, whose socket every account's commands look for", async () => {
    await using place = Place.with();
    const { code, out } = await place.run("init", "--systemd", "--listen", "[::]:6227");
    expect(code).toBe(0);
    const service = settingsOf(readFileSync(place.file("maasochist.service"), "utf8"));
    expect(service["ExecStart"]).toBe(`${process.execPath} ${MAIN} serve -c /etc/maasochist/maasochist.yaml`);
    expect(service["User"]).toBe("maasochist");
    // Not in the /tmp that the service has for itself, nor in a folder that depends on its environment.
    const { socket } = pathsBeside("/var/lib/maasochist/maasochist.db");
    expect(`/var/lib/${service["StateDirectory"]}`).toBe(dirname(socket));
    expect(settingsOf(readFileSync(place.file("maasochist.socket"), "utf8"))["ListenStream"]).toBe("[::]:6227");
    expect(out).toContain('server: { listen: systemd, url: "http://ADDRESS_OF_THIS_HOST:6227" }');
    expect(out).toContain("sudo systemctl enable --now maasochist.socket maasochist.service\n");
    expect(out).toContain("sudo maasochist -c /etc/maasochist/maasochist.yaml list\n");
  });

  test("lets the service write where the configuration has its store", async () => {
    await using place = Place.with({ "my lab/power.yaml": "store: { path: state/power.db }\nmachines: {}\n" });
    expect(await place.run("-c", "my lab/power.yaml", "init", "--systemd")).toMatchObject({ code: 0 });
    const unit = readFileSync(place.file("maasochist.service"), "utf8");
    expect(unit).toContain(`ReadWritePaths="${place.file("my lab/state")}"\n`);
    expect(unit).toContain(`serve -c "${place.file("my lab/power.yaml")}"\n`);
  });

  test("refuses a store whose path leaves no room for a socket beside it", async () => {
    const long = `/var/lib/${"long/".repeat(20)}power.db`;
    await using place = Place.with({ "maasochist.yaml": `store: { path: ${long} }\nmachines: {}\n` });
    const { code, error } = await place.json<Failure>("-c", "maasochist.yaml", "init", "--systemd");
    expect(code).toBe(3);
    expect(error.message).toContain(`${dirname(long)} is too long a path`);
    expect(error.hint).toContain("store: { path:");
    expect(() => statSync(place.file("maasochist.service"))).toThrow("ENOENT");
  });
});

describe("init --from-maas", { timeout: PREPARATION_MS }, () => {
  test("writes the machines of MAAS, those first that it cannot switch, into a configuration that is valid", async () => {
    await using at = await MaasPlace.loggedIn({
      own: "  x: { driver: simulated }\n",
      machines: [
        { hostname: "served", macs: [mac(1)], powerType: "ipmi", parameters: { power_address: "10.0.0.1" } },
        { hostname: "nuc1", macs: [mac(2)], systemId: "k3hxa7", tags: ["nuc", "7: rack"], status: "Ready" },
        { hostname: "twin", macs: [mac(3)], domain: "a", systemId: "a1b2c3" },
        { hostname: "twin", macs: [], domain: "b", systemId: "d4e5f6", powerType: "manual" },
        { hostname: "true", macs: [mac(4)] },
      ],
    });
    const { place, maas } = at;
    expect(await place.run("init", "lab", "--from-maas")).toMatchObject({ code: 0 });
    const text = readFileSync(place.file("lab/maasochist.yaml"), "utf8");
    const document = parse(text, { logLevel: "silent" }) as { machines: Record<string, object> };
    expect(Object.keys(document.machines)).toEqual(["nuc1", "twin-a1b2c3", "twin-d4e5f6", "true", "served"]);
    expect(document.machines["nuc1"]).toEqual({
      enabled: false,
      mac: mac(2),
      tags: ["nuc", "7: rack"],
      maas: { system_id: "k3hxa7" },
      query: { driver: "assumed" },
    });
    expect(text).toContain("\n  # nuc1.maas, Ready, amd64/generic\n");
    const checked = await place.run("-c", "lab/maasochist.yaml", "config", "check");
    expect([checked.code, checked.out]).toEqual([0, expect.stringContaining(": 0 errors, ")]);
    // It knows MAAS without another login, and registers nothing that has no driver yet.
    const { machines } = await place.json<{ machines: { machine: string; change: { code?: string } }[] }>(
      "-c",
      "lab/maasochist.yaml",
      "maas",
      "plan",
    );
    expect(machines.every(({ change }) => change.code === "disabled" || change.code === "address")).toBe(true);
    expect(statSync(place.file("lab/secrets.yaml")).mode & 0o777).toBe(0o600);
    expect(text).not.toContain(ADMIN.key);
    expect(maas.requests.every((line) => line.startsWith("GET"))).toBe(true);
  });

  test("needs a MAAS that is known, and is no way to write units", async () => {
    await using place = Place.with();
    expect((await place.json<Failure>("init", "--from-maas")).error.hint).toContain("maasochist maas login URL");
    expect(await place.json<Failure>("init", "--from-maas", "--systemd")).toMatchObject({ code: 2 });
  });
});
