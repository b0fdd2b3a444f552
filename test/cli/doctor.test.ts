import { once } from "node:events";
import { cpSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { TOPICS } from "../../src/cli/findings.ts";
import { until } from "../expecting.ts";
import { configuration, MAIN, Place, TOKEN } from "./cli.ts";
import { askAsMaas, DIAGNOSES_MS, diagnose, later } from "./diagnosis.ts";

const ONE = "  a: { driver: simulated }\n";

describe("doctor", { timeout: DIAGNOSES_MS }, () => {
  test("of a daemon in order finds no error, and ends with 0", async () => {
    await using place = await Place.serving(ONE);
    const { code, amiss, well, findings } = await diagnose(place);
    expect(amiss).toEqual(["url-loopback", "never-polled"]);
    expect(well).toEqual(["node", "clock", "configuration", "store", "daemon", "url", "hubs"]);
    expect(code).toBe(0);
    expect(findings.filter((found) => found.docs !== `docs/doctor.md#${found.code}`)).toEqual([]);
    const bad = findings.filter(({ level }) => level !== "ok");
    expect(bad.filter(({ cause = "", next = "" }) => cause === "" || next === "")).toEqual([]);
    expect((await diagnose(place, { args: ["--strict"] })).code).toBe(1);
  });

  test("tells people what, why and what next under what it looks at", async () => {
    await using place = await Place.serving(ONE);
    const { out, err } = await place.run("doctor");
    expect(out).toContain(
      `Configuration\n  ✔ ${place.file("maasochist.yaml")} is valid: 1 machine\nFiles\n  ✔ ${place.path} can be written, `,
    );
    expect(out).toMatch(
      /\n {2}! MAAS has asked nothing since the daemon started \[never-polled\]\n {6}Likely: \S.*\n {6}Next: \S.*\n/,
    );
    expect(out).toMatch(/\n\n0 errors, 2 warnings\. Each is explained by its code: docs\/doctor\.md#CODE\n$/);
    expect(err).toBe("");
  });

  test("switches nothing and leaves the configuration as it runs", async () => {
    await using place = await Place.serving(
      "  a: { driver: simulated, initial: on }\n  b: { driver: simulated, initial: off }\n",
    );
    await diagnose(place);
    const { out } = await place.run("--json", "orders");
    expect(JSON.parse(out)).toMatchObject({ orders: [] });
    const { machines } = JSON.parse((await place.run("--json", "list")).out) as { machines: { state: string }[] };
    expect(machines.map(({ state }) => state)).toEqual(["on", "off"]);
  });

  test("works without a configuration and a daemon, and says how to start it", async () => {
    await using place = Place.with();
    const { code, amiss, well, message, found } = await diagnose(place).then((diagnosis) => ({
      code: diagnosis.code,
      amiss: diagnosis.amiss,
      well: diagnosis.well,
      message: diagnosis.message("configuration"),
      found: diagnosis.found("daemon-absent"),
    }));
    expect(amiss).toEqual(["daemon-absent"]);
    expect(well).toContain("store-new");
    expect(message).toMatch(/^the demonstration .* is valid: 4 machines$/);
    expect(found.next).toMatch(/^Start it: `maasochist serve`/);
    expect(code).toBe(1);
  });
});

describe("doctor on the daemon", { timeout: DIAGNOSES_MS }, () => {
  test("tells what would keep one from listening", async () => {
    await using other = await listening();
    await using place = Place.with({
      "maasochist.yaml": configuration(ONE).replace("127.0.0.1:0", `[127.0.0.1:${other.port}, 198.51.100.7:6227]`),
    });
    const diagnosis = await diagnose(place);
    expect(diagnosis.amiss).toEqual(["daemon-absent", "listen-taken", "listen-foreign"]);
    expect(diagnosis.found("listen-taken").facts["address"]).toBe(`127.0.0.1:${other.port}`);
    expect(diagnosis.message("listen-foreign")).toMatch(/^198\.51\.100\.7 is no address of this host/);
  });

  test("tells of one that is silent, and of one that it may not speak to", async () => {
    await using place = Place.with({ "maasochist.yaml": configuration(ONE) });
    const socket = createServer((connection) => connection.destroy()).listen(place.file("maasochist.sock"));
    await once(socket, "listening");
    expect((await diagnose(place)).amiss).toContain("daemon-silent");
    socket.close();
    const denied = `const net = require("node:net"), { connect } = net.Socket.prototype;
net.Socket.prototype.connect = function (...given) {
  const [first] = Array.isArray(given[0]) ? given[0] : given;
  if (!first?.path) return connect.apply(this, given);
  process.nextTick(() => this.destroy(Object.assign(new Error("connect EACCES"), { code: "EACCES" })));
  return this;
};`;
    place.write("denied.cjs", denied);
    const env = { NODE_OPTIONS: `--require ${place.file("denied.cjs")}` };
    expect((await diagnose(place, { env })).amiss).toContain("daemon-denied");
  });

  test("tells of one of another version", async () => {
    await using place = Place.with({ "maasochist.yaml": configuration(ONE) });
    const root = dirname(dirname(MAIN));
    cpSync(dirname(MAIN), place.file("older/dist"), { recursive: true });
    symlinkSync(join(root, "node_modules"), place.file("older/node_modules"));
    const written = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as object;
    place.write("older/package.json", JSON.stringify({ ...written, version: "0.0.1" }));
    await using daemon = place.startProgram(place.file("older/dist/main.js"), ["serve", "--json"]);
    await daemon.says('"listening"');
    expect((await diagnose(place)).message("daemon-version")).toMatch(/^the daemon is 0\.0\.1, and this command is /);
  });

  test("tells what is wrong with the configuration, and that the daemon goes on with an older one", async () => {
    await using place = await Place.serving(ONE);
    place.write("maasochist.yaml", configuration(`${ONE}  b: { driver: simulatd }\n`));
    // The daemon sees the file as well.
    await until(() => place.daemon.err.includes("the last good one goes on"));
    const diagnosis = await diagnose(place);
    expect(diagnosis.amiss.slice(0, 3)).toEqual(["configuration-invalid", "configuration-error", "daemon-problem"]);
    expect(diagnosis.found("configuration-error")).toMatchObject({
      message: expect.stringMatching(/maasochist\.yaml:3: .*simulatd.* \[unknown-driver\]$/),
      facts: { problemCode: "unknown-driver" },
    });
    expect(diagnosis.code).toBe(1);
  });

  test("tells what a restart would change, and what is valid and will hurt", async () => {
    await using place = await Place.serving(ONE);
    const changed = configuration("  c: { driver: simulated }\n  d: { driver: command, run: { on: [/bin/true] } }\n");
    place.write("maasochist.yaml", changed.replace("shutdown_grace: 0s", "shutdown_grace: 1s"));
    await until(() => place.daemon.err.includes("was taken over"));
    const { message, found } = await diagnose(place).then((diagnosis) => ({
      message: diagnosis.message("configuration-stale"),
      found: diagnosis.found("configuration-warning"),
    }));
    expect(message).toBe("the daemon runs with an older configuration: `server` differs");
    expect(found.facts["problemCode"]).toMatch(/^(?:no-state|cannot-cut|off-unproven)$/);
  });
});

describe("doctor on who asked", { timeout: DIAGNOSES_MS }, () => {
  test("tells who of MAAS asked, and what it was told", async () => {
    await using place = await Place.serving(
      "  a: { driver: simulated, initial: on }\n  b: { driver: simulated, initial: off }\n  c: { driver: simulated }\n",
    );
    await askAsMaas(place.url, "a", "a_token_that_is_wrong");
    const before = await diagnose(place);
    expect(before.amiss).toEqual(["url-loopback", "refused", "never-polled"]);
    expect(before.message("refused")).toMatch(
      /^a request of MAAS 3\.7\.3 from 127\.0\.0\.1 for a was refused \d+s ago: unauthenticated$/,
    );
    await askAsMaas(place.url, "a");
    await askAsMaas(place.url, "b");
    const diagnosis = await diagnose(place);
    expect(diagnosis.amiss).toEqual(["url-loopback"]);
    expect(diagnosis.message("polled")).toMatch(
      /^MAAS 3\.7\.3 at 127\.0\.0\.1 asked \d+s ago for (?:a \(was told running\), b \(was told stopped\)|b \(was told stopped\), a \(was told running\))$/,
    );
  });

  test("tells of machines that MAAS asks for no more, and of those that it never asked for", async () => {
    await using place = await Place.serving(`${ONE}  b: { driver: simulated }\n`);
    await askAsMaas(place.url, "a");
    const diagnosis = await diagnose(place, { env: later(place, 20 * 60_000) });
    expect(diagnosis.message("poll-overdue")).toBe("MAAS asked for a 20m ago; it should every 5 minutes");
    expect(diagnosis.message("machine-never-polled")).toBe(
      "MAAS has never asked for b since the daemon started 20m ago",
    );
  });

  test("tells that MAAS was told nothing that helps it", async () => {
    await using place = await Place.serving(
      "  dead: { driver: simulated, fault: unreachable }\n  dumb: { driver: command, run: { query: [echo, unknown] } }\n",
    );
    await askAsMaas(place.url, "dead");
    await askAsMaas(place.url, "dumb");
    const { amiss } = await diagnose(place);
    expect(amiss).toEqual(expect.arrayContaining(["told-failure", "told-unknown", "machine-unknown"]));
  });

  test("tells who still uses the routes of maaspower", async () => {
    await using place = await Place.serving(ONE, "compat: maaspower");
    const headers = { authorization: `Bearer ${TOKEN}`, "user-agent": "MAAS 3.7.3" };
    await fetch(`${place.url}/maaspower/a/query`, { method: "POST", headers });
    await fetch(`${place.url}/maaspower/a/query`, { headers });
    expect((await diagnose(place)).message("old-route")).toBe(
      "MAAS 3.7.3 at 127.0.0.1 still asks for a by the address of maaspower",
    );
  });
});

describe("every code of doctor", () => {
  const codes = Object.values(TOPICS).flatMap((topic) => Object.keys(topic));

  test("is the code of one finding", () => {
    expect(new Set(codes).size).toBe(codes.length);
  });

  test("is produced by a test", () => {
    const tests = readdirSync(import.meta.dirname)
      .filter((file) => /^doctor.*\.test\.ts$/.test(file))
      .map((file) => readFileSync(join(import.meta.dirname, file), "utf8"))
      .join("");
    expect(codes.filter((code) => !tests.includes(`"${code}"`))).toEqual([]);
  });
});

/** Something that listens where the daemon is to. */
async function listening() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("it does not listen");
  return {
    port: address.port,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}
