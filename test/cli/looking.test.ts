import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { HubShape, MachineShape } from "../../src/http/shapes.ts";
import type { OrderRecord } from "../../src/power/order.ts";
import { until } from "../expecting.ts";
import { type Failure, MAIN, order, Place, PREPARATION_MS, type ServedPlace } from "./cli.ts";

const FAST = "driver: simulated, boot: 0s, shutdown: 0s";
const MORE = "hubs: { strip: { driver: simulated }, gone: { driver: simulated } }";
const MACHINES = `  runs: { ${FAST}, initial: on, description: It runs, tags: [rack] }
  rests: { hub: strip, outlet: 7, boot: 0s, shutdown: 0s, tags: [rack] }
  riddle: { driver: command, run: { on: [node, --version], query: [node, -p, "'unknown'"] } }
  dead: { hub: gone, fault: unreachable }
  long: { driver: simulated, boot: 60s }
  asked: { ${FAST} }
`;

let place: ServedPlace;
beforeAll(async () => {
  place = await Place.serving(MACHINES, MORE);
  // What is listed below has been looked at.
  await place.run("status", "*");
}, PREPARATION_MS);
afterAll(() => place[Symbol.asyncDispose]());

async function machinesOf(...args: string[]): Promise<readonly MachineShape[]> {
  return (await place.json<{ machines: MachineShape[] }>("list", ...args)).machines;
}

describe("status", () => {
  test.each([
    ["runs", 0, "on"],
    ["rests", 10, "off"],
    ["riddle", 11, "unknown"],
    ["dead", 12, "error"],
  ])("--exit-code of %s is %i", async (name, code, state) => {
    expect(await place.json("status", name, "--exit-code")).toMatchObject({ code, machines: [{ name, state }] });
  });

  test("tells state, evidence, driver and what MAAS did, and ends with 0", async () => {
    const { code, out } = await place.run("status", "runs");
    expect(code).toBe(0);
    expect(out).toMatch(/^runs {2}On {2}It runs\n {2}reading {3}on, measured, 0s ago: running\n/);
    expect(out).toMatch(/ {2}by {8}simulated; can on, off, cycle, reset; tags rack\n/);
    expect(out).toMatch(/ {2}MAAS {6}has not asked since the daemon started\n$/);
  });

  test("of a machine that cannot be read ends with 1 and tells why; of several with 5", async () => {
    const { code, out } = await place.run("status", "dead");
    expect(code).toBe(1);
    expect(out).toMatch(/^dead {2}Error\n {2}error {5}.+\n {12}.+\n/);
    expect(await place.json("status", "runs", "dead")).toMatchObject({ code: 5 });
  });

  test("of an unknown machine names the near one", async () => {
    const { code, err } = await place.run("status", "run");
    expect(code).toBe(2);
    expect(err).toContain('there is no machine "run"; did you mean "runs"?');
  });
});

describe("list", () => {
  test("shows each machine in a line, and below it why it cannot be read", async () => {
    const { code, out } = await place.run("list");
    expect(code).toBe(0);
    const lines = out.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^MACHINE +POWER +DRIVER +CHECKED +LAST ACTION +MAAS$/);
    expect(lines[1]).toMatch(/^runs +On +simulated +\d+s ago +– +never asked$/);
    const dead = lines.findIndex((line) => line.startsWith("dead"));
    expect(lines.slice(dead, dead + 2).join("\n")).toMatch(/^dead +Error .+\n {2}└ .*does not answer/);
  });

  test("takes tags and states", async () => {
    expect((await machinesOf("--tag", "rack")).map(({ name }) => name)).toEqual(["runs", "rests"]);
    expect((await machinesOf("--state", "error")).map(({ name }) => name)).toEqual(["dead"]);
    expect((await place.run("list", "--tag", "rakc")).out).toBe(
      'no machine has the tag "rakc"; did you mean "rack"?\n',
    );
    expect(await place.json<Failure>("list", "--state", "asleep")).toMatchObject({ code: 2, error: { code: "usage" } });
  });

  test("--watch goes on until Ctrl-C", async () => {
    const watching = place.start(["list", "--watch"]);
    await until(() => watching.out.split("MACHINE").length > 2, PREPARATION_MS);
    const { code, err } = await watching.end("SIGINT");
    expect({ code, err }).toEqual({ code: 130, err: "" });
  });

  test("whose reader goes away ends quietly", async () => {
    const child = spawn(process.execPath, [MAIN, "list", "--watch"], { cwd: place.path });
    child.stdout.once("data", () => child.stdout.destroy());
    let said = "";
    child.stderr.on("data", (chunk) => {
      said += String(chunk);
    });
    const [code] = (await once(child, "close")) as [number | null];
    expect({ code, said }).toEqual({ code: 0, said: "" });
  });
});

describe("orders", () => {
  test("lists the newest first; an id shows its steps", async () => {
    await place.run("on", "asked", "--reason", "to see it");
    await order(place, "off", "asked");
    const { orders } = await place.json<{ orders: OrderRecord[] }>("orders", "asked");
    expect(orders.map(({ verb, state }) => [verb, state])).toEqual([
      ["off", "done"],
      ["on", "done"],
    ]);
    const id = orders[1]?.id ?? "";
    const { code, out } = await place.run("orders", id);
    expect(code).toBe(0);
    expect(out).toContain(`Power on by`);
    expect(out).toContain("  reason    to see it\n");
    expect(out).toMatch(/\n {2}\+\d\.\d s +command +on .+\n/);
    expect(out).toMatch(/\n {2}done +after \d\.\d s: measured: running\n$/);
    expect(await place.json("orders", id)).toMatchObject({ code: 0, order: { id, verb: "on" } });
    expect(await place.json("orders", "asked", "--limit", "1")).toMatchObject({ orders: [{ verb: "off" }] });
  });

  test("of an unknown machine or id, and of no number, are usage errors", async () => {
    const [machine, id, count] = await Promise.all([
      place.json<Failure>("orders", "askd"),
      place.json<Failure>("orders", "mww78w3t-1-3jg"),
      place.json<Failure>("orders", "--limit", "many"),
    ]);
    expect(machine).toMatchObject({ code: 2, error: { message: 'there is no machine "askd"; did you mean "asked"?' } });
    expect(id).toMatchObject({ code: 2, error: { code: "not_found" } });
    expect(count).toMatchObject({ code: 2, error: { code: "usage" } });
  });
});

describe("cancel", () => {
  test("ends an order that is under way", async () => {
    const { results } = await place.json<{ results: { order: OrderRecord }[] }>("on", "long", "--no-wait");
    const id = results[0]?.order.id ?? "";
    expect(await place.run("cancel", id)).toMatchObject({ code: 0, out: "on long ends at its next safe point\n" });
    await until(() => place.daemon.err.includes(`"order":"${id}","machine":"long","verb":"on","state":"superseded"`));
    expect((await place.run("orders", id)).out).toMatch(
      /: cancelled by .+\n +What it had done by then stays done\.\n$/,
    );
  });

  test("of what is over or unknown is refused", async () => {
    expect(await place.json<Failure>("cancel", "nothing")).toMatchObject({ code: 2, error: { code: "not_found" } });
  });
});

describe("events", () => {
  test("tells orders and changes, oldest first, each a document of its own under --json", async () => {
    await order(place, "on", "asked");
    const { code, out } = await place.run("events", "--machine", "asked", "--since", "1h");
    expect(code).toBe(0);
    expect(out).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}asked {2}/);
    expect(out).toMatch(/ {2}asked {2}on ordered by .+\n/);
    expect(out).toMatch(/ {2}asked {2}on done \(measured\)\n/);
    const lines = (await place.run("events", "--json", "--limit", "3")).out.trimEnd().split("\n");
    const documents = lines.map((line) => JSON.parse(line) as { schemaVersion: number; id: number });
    expect(documents.map(({ schemaVersion }) => schemaVersion)).toEqual([1, 1, 1]);
    expect(documents.map(({ id }) => id)).toEqual(documents.map(({ id }) => id).toSorted((a, b) => a - b));
  });

  test("--follow tells what happens from now on, until Ctrl-C", async () => {
    const following = place.start(["events", "--follow", "--machine", "runs"]);
    await until(
      async () => {
        await order(place, "reset", "runs");
        return following.out.includes("runs  reset done");
      },
      PREPARATION_MS,
      250,
    );
    expect((await following.end("SIGINT")).code).toBe(130);
  });

  test("of an unknown machine, and since no time, are usage errors", async () => {
    expect(await place.json<Failure>("events", "--machine", "askd")).toMatchObject({
      code: 2,
      error: { message: 'there is no machine "askd"; did you mean "asked"?' },
    });
    expect(await place.json<Failure>("events", "--since", "noon")).toMatchObject({ code: 2, error: { code: "usage" } });
  });
});

describe("hubs", () => {
  test("tells which answer, and why one fails", async () => {
    const { hubs } = await place.json<{ hubs: HubShape[] }>("hubs");
    expect(hubs.find(({ name }) => name === "strip")).toMatchObject({ driver: "simulated", machines: ["rests"] });
    expect(hubs.find(({ name }) => name === "gone")).toMatchObject({ failing: { code: "unreachable" } });
    const { code, out } = await place.run("hubs");
    expect(code).toBe(0);
    expect(out).toMatch(/\ngone +simulated +failing, \d+[sm] ago .*\n {2}└ .+/);
    expect(out).toMatch(/\nstrip +simulated +answers +\d+ ms, \d+s ago +0 +rests\n/);
  });

  test("lists the outlets of one; another has to exist", async () => {
    expect((await place.run("hubs", "outlets", "strip")).out).toMatch(/^OUTLET .*\n7 +– +off +–\n$/);
    expect(await place.json("hubs", "outlets", "strip")).toMatchObject({ code: 0, outlets: [{ outlet: "7" }] });
    expect(await place.json<Failure>("hubs", "outlets", "stripe")).toMatchObject({
      code: 2,
      error: { code: "not_found", message: expect.stringContaining("strip") as string },
    });
  });
});
