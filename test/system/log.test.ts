/** The log of the built program as a process: what it tells, to readers who are slow or gone, up to its very end. */

import { once } from "node:events";
import { createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { configuration, Place, PREPARATION_MS, type Running, TOKEN } from "../cli/cli.ts";
import { until } from "../expecting.ts";

const ONE = "  a: { driver: simulated, boot: 0s, shutdown: 0s }\n";
const PATIENCE_MS = 20_000;
/** So many requests, at `debug`, fill every pipe on the way: 64 KiB in the kernel, and what Node.js reads ahead. */
const MANY = 3_000;

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly [fact: string]: unknown;
}

/** Every line is whole, or this throws. */
function linesOf(text: string): Line[] {
  expect(text.endsWith("\n")).toBe(true);
  return text
    .slice(0, -1)
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
}

function urlOf(daemon: Running): string {
  return (JSON.parse(daemon.out) as { url: string }).url;
}

/** Asks for the machine's state, over a few connections at once; the statuses. */
async function askOften(url: string, times: number, token = TOKEN): Promise<Set<number>> {
  const statuses = new Set<number>();
  let left = times;
  const worker = async () => {
    while (left-- > 0) {
      const answer = await fetch(`${url}/maas/a/query`, { headers: { authorization: `Bearer ${token}` } });
      await answer.text();
      statuses.add(answer.status);
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return statuses;
}

describe("a reader of the log", { timeout: PREPARATION_MS }, () => {
  test("who reads nothing for a while holds up no webhook, and then gets every line, up to the last", async () => {
    await using place = Place.with({ "maasochist.yaml": configuration(ONE) });
    const daemon = place.start(["serve", "--json", "--verbose"]);
    await daemon.says('"listening"');
    daemon.child.stderr?.pause();
    expect(await askOften(urlOf(daemon), MANY)).toEqual(new Set([200]));
    // Still nobody reads as it ends.
    daemon.child.kill("SIGTERM");
    await new Promise((resolve) => setTimeout(resolve, 700));
    daemon.child.stderr?.resume();
    const { code, err } = await daemon.end();
    expect(code).toBe(0);
    const lines = linesOf(err);
    expect(lines.filter(({ msg }) => msg === "webhook answered")).toHaveLength(MANY);
    expect(lines.at(-1)?.msg).toBe("stopped");
    expect(err).not.toContain("left out");
  });

  test("who never reads again does not keep the daemon from ending", async () => {
    await using place = Place.with({ "maasochist.yaml": configuration(ONE) });
    const daemon = place.start(["serve", "--json", "--verbose"]);
    await daemon.says('"listening"');
    daemon.child.stderr?.pause();
    await askOften(urlOf(daemon), MANY);
    daemon.child.kill("SIGTERM");
    const [code] = (await once(daemon.child, "exit")) as [number];
    expect(code).toBe(0);
    daemon.child.stderr?.resume();
  });

  test("who is gone does not end the daemon", async () => {
    await using place = Place.with({ "maasochist.yaml": configuration(ONE) });
    const daemon = place.start(["serve", "--json", "--verbose"]);
    await daemon.says('"listening"');
    const url = urlOf(daemon);
    daemon.child.stderr?.destroy();
    daemon.child.stdout?.destroy();
    expect(await askOften(url, 50)).toEqual(new Set([200]));
    expect(daemon.child.exitCode).toBe(null);
    expect((await daemon.end("SIGTERM")).code).toBe(0);
  });

  test("gets what was said before a daemon that cannot start ended", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const address = other.address();
    const port = typeof address === "object" ? address?.port : 0;
    const warned = "  a: { driver: assumed }\n";
    await using place = Place.with({
      "maasochist.yaml": configuration(warned).replace("127.0.0.1:0", `127.0.0.1:${port}`),
    });
    const { code, err } = await place.run("serve");
    other.close();
    expect(code).toBe(1);
    expect(err).toContain('"code":"only-assumed"');
    expect(err).toContain("is in use by another program");
  });

  test("gets what was said before a second signal ended it at once", async () => {
    await using place = Place.with({
      "maasochist.yaml": configuration("  a: { driver: simulated, boot: 60s }\n").replace("grace: 0s", "grace: 60s"),
    });
    const daemon = place.start(["serve", "--json"]);
    await daemon.says('"listening"');
    await place.run("on", "a", "--no-wait");
    daemon.child.kill("SIGTERM");
    await until(() => daemon.err.includes("once more to stop at once"), PATIENCE_MS);
    await until(() => !daemon.child.kill("SIGTERM") || daemon.child.exitCode !== null, PATIENCE_MS, 300);
    const { code, err } = await daemon.end();
    expect(code).toBe(130);
    expect(linesOf(err).map(({ msg }) => msg)).toContain("order accepted");
  });
});

describe("what the log tells", { timeout: PREPARATION_MS }, () => {
  test("of requests at debug: an id, which an answer of the API carries too, who asked, and which order it gave", async () => {
    await using place = Place.with({ "maasochist.yaml": configuration(ONE) });
    const daemon = await place.serve("--verbose");
    const url = urlOf(daemon);
    const answer = await fetch(`${url}/api/v1/machines`, { headers: { authorization: `Bearer ${TOKEN}` } });
    const id = answer.headers.get("x-request-id");
    expect(id).toMatch(/^[\w-]{5,}$/);
    const given = await fetch(`${url}/healthz`, { headers: { "x-request-id": "proxy-4711" } });
    expect(given.headers.get("x-request-id")).toBe("proxy-4711");
    const invented = await fetch(`${url}/healthz`, { headers: { "x-request-id": 'x" y' } });
    expect(invented.headers.get("x-request-id")).toMatch(/^[\w-]+$/);
    const on = await fetch(`${url}/maas/a/on`, { method: "POST", headers: { authorization: `Bearer ${TOKEN}` } });
    expect(on.status).toBe(200);
    expect(on.headers.get("x-request-id")).toBe(null);
    const lines = linesOf((await daemon.end("SIGTERM")).err);
    expect(lines.find(({ request }) => request === id)).toMatchObject({
      msg: "request answered",
      method: "GET",
      path: "/api/v1/machines",
      status: 200,
      actor: "token:maas",
      from: "127.0.0.1",
    });
    expect(lines.find(({ request }) => request === "proxy-4711")).toMatchObject({ path: "/healthz" });
    const accepted = lines.find(({ msg }) => msg === "order accepted");
    expect(lines.find(({ msg }) => msg === "webhook answered")).toMatchObject({
      request: expect.stringMatching(/^[\w-]+$/),
      path: "/maas/a/on",
      status: 200,
      actor: "token:maas",
      order: accepted?.["order"],
    });
  });

  test("of webhooks that are refused at info, one by one until they are a flood", async () => {
    await using place = Place.with({ "maasochist.yaml": configuration(ONE) });
    const daemon = await place.serve();
    const url = urlOf(daemon);
    await askOften(url, 60, "a_token_that_nobody_was_given");
    const lines = linesOf((await daemon.end("SIGTERM")).err).filter(({ msg }) => msg === "webhook refused");
    expect(lines).toHaveLength(20);
    expect(lines[0]).toMatchObject({ path: "/maas/a/query", code: "unauthenticated", status: 401, from: "127.0.0.1" });
  });

  test.each([
    ["the configuration says", "log: { level: warn }", {}, [], false],
    [
      "the environment says, whatever the configuration does",
      "log: { level: debug }",
      { MAASOCHIST_LOG_LEVEL: "error" },
      [],
      false,
    ],
    [
      "--verbose says, whatever both do",
      "log: { level: error }",
      { MAASOCHIST_LOG_LEVEL: "error" },
      ["--verbose"],
      true,
    ],
    ["nobody says", "", {}, [], true],
  ])("as much as %s", async (_who, more, env, flags, told) => {
    await using place = Place.with({ "maasochist.yaml": configuration(ONE, more) });
    const daemon = place.start(["serve", "--json", ...flags], { env });
    await daemon.says('"listening"');
    const { err } = await daemon.end("SIGTERM");
    expect(err.includes('"msg":"listening"')).toBe(told);
  });

  test("as much as a configuration says that is taken over while it runs", async () => {
    await using place = Place.with({ "maasochist.yaml": configuration(ONE) });
    const daemon = await place.serve();
    place.write("maasochist.yaml", configuration(ONE, "log: { level: debug }"));
    await place.run("reload");
    await askOften(urlOf(daemon), 3);
    expect((await daemon.end("SIGTERM")).err).toContain("webhook answered");
  });

  test("a level that there is not is no reason to tell nothing", async () => {
    await using place = Place.with({ "maasochist.yaml": configuration(ONE) });
    const { code, err } = await place.start(["serve"], { env: { MAASOCHIST_LOG_LEVEL: "loud" } }).end();
    expect(code).toBe(2);
    expect(err).toContain('MAASOCHIST_LOG_LEVEL is "loud", which is no level\nLevels are trace, debug');
  });
});

/** Every kind of secret that a configuration holds and a caller sends, each by itself. */
const SECRETS = {
  token: "secretTokenAAAAAAAAAAAAAAAAA",
  wrongToken: "secretWrongTokenBBBBBBBBBBB",
  wrongPassword: "secretWrongPasswordCCCCCC",
  ssh: "secretSshPasswordDDDDDDDD",
  shelly: "secretShellyPasswordEEEEE",
  mqtt: "secretMqttPasswordFFFFFFF",
  community: "secretCommunityGGGGGGGGG",
  bearer: "secretHeaderHHHHHHHHHHHHH",
  environment: "secretEnvironmentIIIIIIII",
  url: "secretBasicJJJJJJJJJJJJJJ",
};

describe("secrets", { timeout: PREPARATION_MS }, () => {
  test("are nowhere in the log, whatever goes wrong with them, at trace too", async () => {
    const shut = "address: 127.0.0.1, port: 65431, timeout: 400ms";
    const machines = [
      `  ssh: { driver: simulated, off: { driver: ssh, host: 127.0.0.1, port: 65431, user: root, password: !secret ssh } }`,
      `  plug: { driver: shelly, ${shut}, password: !secret shelly }`,
      `  broker: { driver: mqtt, host: 127.0.0.1, port: 65431, timeout: 400ms, user: x, password: !secret mqtt, preset: tasmota, outlet: a }`,
      `  pdu: { driver: snmp-pdu, ${shut}, model: apc-rpdu2, outlet: 1, community: !secret community, write_community: !secret community }`,
      `  web: { driver: http, user: x, password: !secret url, request: { on: { method: POST, url: "http://127.0.0.1:65431/", headers: { X-Key: !secret bearer } }, query: { url: "http://127.0.0.1:65431/" } }, on_regex: "on", off_regex: "off", cuts: nothing }`,
      `  script: { driver: command, env: { KEY: !env LAB_KEY }, run: { on: [sh, -c, "echo $KEY >&2; exit 3"], query: [echo, off] }, cuts: nothing }`,
    ];
    const text = `machines:\n${machines.join("\n")}\nserver: { listen: 127.0.0.1:0, shutdown_grace: 0s }
log: { level: trace }
access: { tokens: [{ name: maas, token: !secret token, role: admin }] }\n`;
    await using place = Place.with({
      "maasochist.yaml": text,
      "secrets.yaml": Object.entries(SECRETS)
        .map(([name, secret]) => `${name}: ${secret}\n`)
        .join(""),
    });
    const daemon = place.start(["serve", "--json"], { env: { LAB_KEY: SECRETS.environment } });
    await daemon.says('"listening"');
    const url = urlOf(daemon);
    const say = (path: string, authorization: string, body?: object) =>
      fetch(`${url}${path}`, {
        method: "POST",
        headers: { authorization, ...(body && { "content-type": "application/json" }) },
        ...(body && { body: JSON.stringify(body) }),
      }).then((answer) => answer.text());
    const basic = Buffer.from(`anna:${SECRETS.wrongPassword}`).toString("base64");
    for (const name of ["ssh", "plug", "broker", "pdu", "web", "script"]) {
      await say(`/maas/${name}/on`, `Bearer ${SECRETS.token}`);
      await say(`/maas/${name}/off`, `Bearer ${SECRETS.token}`);
    }
    await say("/maas/plug/on", `Bearer ${SECRETS.wrongToken}`);
    await say("/maas/plug/on", `Basic ${basic}`);
    await say("/api/v1/session", "", { token: SECRETS.wrongToken });
    await say("/api/v1/session", "", { name: "anna", password: SECRETS.wrongPassword });
    await say(`/maas/plug/on?token=${SECRETS.token}`, "");
    place.write("maasochist.yaml", text.replace("driver: shelly", "driver: shely"));
    await place.run("reload");
    const { err, out } = await daemon.end("SIGTERM");
    const told = Object.entries(SECRETS).filter(
      ([, secret]) => (err + out).includes(secret) || (err + out).includes(basic),
    );
    expect(told.map(([name]) => name)).toEqual([]);
    // It did tell of what was done with them.
    for (const said of ["order accepted", "order ended", "webhook answered", "is invalid"]) expect(err).toContain(said);
  });
});
