import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ReplayStep } from "../../src/maas/webhook-exchange.ts";
import { configuration, type Failure, Place, PREPARATION_MS, reads, type ServedPlace, TOKEN } from "./cli.ts";

const FAST = "driver: simulated, boot: 0s, shutdown: 0s";
const MACHINES = `  runs: { ${FAST}, initial: on }
  rests: { ${FAST} }
  asked: { ${FAST} }
  dead: { driver: simulated, fault: unreachable }
  lying: { ${FAST}, fault: stuck, verify: 1s }
  woken: { driver: wake-on-lan, mac: "00:00:5e:00:53:01" }
`;

interface Tried {
  readonly passed: boolean;
  readonly steps: readonly { readonly step: string; readonly ok: boolean; readonly detail: string }[];
}

interface Replayed {
  readonly passed: boolean;
  readonly steps: readonly ReplayStep[];
}

let place: ServedPlace;
beforeAll(async () => {
  place = await Place.serving(MACHINES);
}, PREPARATION_MS);
afterAll(() => place[Symbol.asyncDispose]());

describe("test", { timeout: PREPARATION_MS }, () => {
  test("measures a machine and tells the evidence", async () => {
    expect(await place.run("test", "runs")).toEqual({ code: 0, out: "runs reads On: running\n", err: "" });
    expect(await place.json("test", "rests")).toMatchObject({ code: 0, machine: { name: "rests", state: "off" } });
  });

  test("ends with 1 where the machine cannot be read, and with 2 where there is none", async () => {
    const [dead, none] = await Promise.all([place.json<Failure>("test", "dead"), place.json<Failure>("test", "rest")]);
    expect(dead).toMatchObject({ code: 1, error: { code: "unreachable" } });
    expect(none).toMatchObject({ code: 2, error: { code: "not_found" } });
    expect(none.error.message).toContain("rests");
  });
});

describe("test --full", { timeout: PREPARATION_MS }, () => {
  test("switches a machine off and on, and looks whether anything else changed", async () => {
    const { code, passed, steps } = await place.json<Tried>("test", "runs", "--full", "--yes");
    expect({ code, passed }).toEqual({ code: 0, passed: true });
    expect(steps.map(({ step, ok }) => [step, ok])).toEqual([
      ["off", true],
      ["on", true],
      ["nothing else changed", true],
    ]);
    expect(await reads(place, "runs")).toBe("running");
  });

  test("leaves a machine off that was off before", async () => {
    const { code, out } = await place.run("test", "rests", "--full", "--yes");
    expect(code).toBe(0);
    expect(out.split("\n").map((line) => line.split(":")[0])).toEqual([
      "rests reads Off",
      "✔ on",
      "✔ off",
      "✔ on",
      "✔ nothing else changed",
      "✔ off, as it was before",
      "",
    ]);
    expect(await reads(place, "rests")).toBe("stopped");
  });

  test("fails where the machine does not obey", async () => {
    const { code, passed, steps } = await place.json<Tried>("test", "lying", "--full", "--yes");
    expect({ code, passed }).toEqual({ code: 1, passed: false });
    expect(steps[0]).toMatchObject({ step: "on", ok: false });
  });

  test("finds a machine that goes off and on with it", async () => {
    await using apart = Place.with();
    const relay = JSON.stringify(apart.file("relay-closed"));
    const run = `{ on: [touch, ${relay}], off: [rm, ${relay}], query: [sh, -c, 'test -e ${relay} && echo on || echo off'] }`;
    const machines = ["one", "other"].map((name) => `  ${name}: { driver: command, run: ${run} }\n`);
    apart.write("maasochist.yaml", configuration(machines.join("")));
    apart.write("relay-closed", "");
    await apart.serve();
    const { code, steps } = await apart.json<Tried>("test", "one", "--full", "--yes");
    expect(code).toBe(1);
    expect(steps.at(-1)).toEqual({ step: "nothing else changed", ok: false, detail: "other read off after off" });
  });

  test("asks before, and does nothing where there is nobody to ask", async () => {
    expect(await place.run("test", "asked", "--full")).toMatchObject({ code: 2 });
    expect(await place.json("orders", "asked")).toEqual({ code: 0, orders: [] });
  });

  test("is no use for a machine that cannot be switched off", async () => {
    const { code, error } = await place.json<Failure>("test", "woken", "--full", "--yes");
    expect(code).toBe(2);
    expect(error.message).toContain("an acceptance run needs on and off");
  });
});

describe("test --as-maas", { timeout: PREPARATION_MS }, () => {
  test("asks as MAAS does, explains each step, and switches nothing", async () => {
    const { code, out } = await place.run("test", "asked", "--as-maas");
    expect(code).toBe(0);
    expect(out).toContain(`As MAAS, against ${place.url}:\n`);
    expect(out).toMatch(/! address 127\.0\.0\.1\n {4}A loopback address: /);
    expect(out).toMatch(/✔ GET \/maas\/asked\/query → 200 \{"status":"stopped"\} \(\d+ ms\)\n {4}MAAS reads off\.\n/);
    expect(out).toMatch(/\nMAAS can switch asked here\.\n$/);
    expect(out).not.toContain(TOKEN);
    expect(await place.json("orders", "asked")).toEqual({ code: 0, orders: [] });
  });

  test("with --act switches it on, and reads the proof", async () => {
    const { code, passed, steps } = await place.json<Replayed>("test", "asked", "--as-maas", "--act");
    expect({ code, passed }).toEqual({ code: 0, passed: true });
    expect(steps.map(({ what }) => what.split(" → ")[0])).toEqual([
      "address 127.0.0.1",
      "GET /maas/asked/query",
      "GET /maas/asked/query/",
      "POST /maas/asked/on",
      "GET /maas/asked/query",
    ]);
    expect(await reads(place, "asked")).toBe("running");
  });

  test("does not count as a sign of life of MAAS", async () => {
    await place.run("test", "runs", "--as-maas");
    expect((await place.run("status", "runs")).out).toContain("MAAS      has not asked since the daemon started");
  });

  test("fails with a wrong token, and with a machine that cannot be read, and tells why", async () => {
    const wrong = place.start(["--json", "test", "runs", "--as-maas"], { env: { MAASOCHIST_TOKEN: "not_the_token" } });
    const [strange, dead] = await Promise.all([wrong.end(), place.json<Replayed>("test", "dead", "--as-maas")]);
    expect(strange.code).toBe(1);
    expect(strange.out).toContain("401: the token is not known");
    expect(strange.out).not.toContain("not_the_token");
    expect(dead).toMatchObject({ code: 1, passed: false });
    expect(dead.steps.at(-1)).toMatchObject({ outcome: "failed" });
    expect(dead.steps.at(-1)?.explanation).toMatch(/^503: MAAS counts a failure and repeats/);
  });

  test("fails where the configured url leads elsewhere", async () => {
    await using apart = Place.with({
      "maasochist.yaml": configuration("  a: { driver: simulated }\n").replace(
        "server: {",
        'server: { url: "http://127.0.0.1:9",',
      ),
    });
    await apart.serve();
    const { code, steps } = await apart.json<Replayed>("test", "a", "--as-maas");
    expect(code).toBe(1);
    expect(steps.at(-1)).toMatchObject({ what: "GET /maas/a/query", outcome: "failed" });
    expect(steps.at(-1)?.explanation).toContain("nothing listens on 127.0.0.1:9");
  });
});
