/** What a driver of somebody's own may do to the daemon, and what the daemon does then: processes of the built program. */
import { describe, expect, test } from "vitest";
import { configuration, Place, PREPARATION_MS, TOKEN } from "../cli/cli.ts";
import { until } from "../expecting.ts";

const PATIENCE_MS = 20_000;

/** `on` rejects a promise that nobody waits for; `off` lets an emitter fail that nobody listens to; `cycle` throws from a timer. */
const CARELESS = `
import { EventEmitter } from "node:events";
let state = "off";
export default (kit) => kit.defineDriver({
  name: "careless", title: "Careless", family: "Tests", summary: "Fails where nobody looks.",
  sources: ["https://example.org"], examples: [{ title: "Minimal", yaml: "machines: {}\\n" }], cuts: "nothing", outlet: kit.z.object({}),
  on: async () => { state = "on"; Promise.reject(new Error("nobody waits for this")); },
  off: async () => { setTimeout(() => new EventEmitter().emit("error", Object.assign(new Error("nobody listens to this"), { options: { pass: "hunter2hunter2" } })), 50); },
  query: async () => state,
});
`;
const MACHINES = "  lamp: { driver: careless }\n  held: { driver: simulated, boot: 60s }\n";

function post(url: string, path: string): Promise<Response> {
  return fetch(`${url}${path}`, { method: "POST", headers: { authorization: `Bearer ${TOKEN}` } });
}

function careless(): Place {
  return Place.with({
    "maasochist-own-driver.mjs": CARELESS,
    "maasochist.yaml": configuration(
      MACHINES,
      "drivers: [./maasochist-own-driver.mjs]\nmetrics: { from: [127.0.0.1] }",
    ),
  });
}

describe("a driver's fault that nobody catches", { timeout: PREPARATION_MS }, () => {
  test("that is a rejected promise is told and counted, and the daemon goes on", async () => {
    await using place = careless();
    const daemon = await place.serve();
    const { url } = JSON.parse(daemon.out) as { url: string };
    expect((await post(url, "/maas/lamp/on")).status).toBe(200);
    await until(() => daemon.err.includes("nobody waits for this"), PATIENCE_MS);
    expect(daemon.err).toContain("maasochist-own-driver.mjs");
    expect(await (await fetch(`${url}/metrics`)).text()).toContain("\nmaasochist_faults_total 1\n");
    expect(daemon.child.exitCode).toBe(null);
    expect((await daemon.end("SIGTERM")).code).toBe(0);
  });

  test("that is an exception ends it with 1: callers are answered, and the journal has every order", async () => {
    await using place = careless();
    const daemon = await place.serve();
    const { url } = JSON.parse(daemon.out) as { url: string };
    await post(url, "/maas/lamp/on");
    const held = post(url, "/maas/held/on");
    await until(() => daemon.err.includes('"machine":"held","verb":"on","actor"'), PATIENCE_MS);
    const cause = post(url, "/maas/lamp/off").catch(() => undefined);
    expect((await held).status).toBe(503);
    const { code, err } = await daemon.end();
    await cause;
    expect(code).toBe(1);
    const fatal = err.split("\n").find((line) => line.includes('"level":60')) ?? "";
    expect(fatal).toContain("nobody listens to this");
    expect(fatal).toContain("to be started anew");
    // What libraries hang on their errors is not told.
    expect(err).not.toContain("hunter2");

    const next = await place.serve();
    expect(await place.json("orders", "held")).toMatchObject({ orders: [{ verb: "on", error: { code: "busy" } }] });
    expect((await next.end("SIGTERM")).code).toBe(0);
  });
});
