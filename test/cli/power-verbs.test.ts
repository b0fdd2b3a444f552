import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { OrderRecord } from "../../src/power/order.ts";
import { until } from "../expecting.ts";
import { type Failure, ordersOf, Place, PREPARATION_MS, reads, type ServedPlace } from "./cli.ts";

const FAST = "driver: simulated, boot: 0s, shutdown: 0s";
/** Each question costs the daemon something (ms). */
const ASK_EVERY_MS = 250;
/** Each test has machines of its own, so that one daemon serves them all. */
const MACHINES = `  first: { ${FAST} }
  all-verbs: { ${FAST}, initial: on }
  asked-off: { ${FAST}, initial: on }
  asked-cycle: { ${FAST}, initial: on }
  asked-reset: { ${FAST}, initial: on }
  "rack[1-2]": { ${FAST}, tags: [rack] }
  "dry[1-2]": { ${FAST}, initial: on, tags: [dry] }
  nowait: { driver: simulated, boot: 1s }
  refuses: { driver: simulated, fault: refuses }
  dead: { driver: simulated, fault: unreachable }
  near: { ${FAST} }
  woken: { driver: wake-on-lan, mac: "00:00:5e:00:53:01" }
  safe: { ${FAST}, initial: on, protect: people }
  shelved: { driver: simulated, enabled: false }
  good: { ${FAST} }
  stuck: { driver: simulated, fault: stuck, verify: 1s }
  slow: { driver: simulated, boot: 60s }
  interrupted: { driver: simulated, boot: 2s }
`;

interface Results {
  readonly results: readonly {
    readonly machine: string;
    readonly exitCode: number;
    readonly order?: OrderRecord;
    readonly error?: Failure["error"];
  }[];
}

let place: ServedPlace;
beforeAll(async () => {
  place = await Place.serving(MACHINES);
}, PREPARATION_MS);
afterAll(() => place[Symbol.asyncDispose]());

describe("switching", () => {
  test("on waits until the machine is proven to run, and tells the proof", async () => {
    const { code, out, err } = await place.run("on", "first", "--reason", "a try");
    expect(out).toMatch(/^✔ first On \(\d\.\d s, measured: running\)\n$/);
    expect({ code, err }).toEqual({ code: 0, err: "Powering on first…\n" });
    expect(await reads(place, "first")).toBe("running");
    expect(await ordersOf(place, "first")).toMatchObject([{ verb: "on", state: "done", reason: "a try" }]);
  });

  test("off, cycle and reset with --yes do what they say", async () => {
    expect((await place.run("off", "all-verbs", "-y")).out).toMatch(/^✔ all-verbs Off/);
    expect(await reads(place, "all-verbs")).toBe("stopped");
    expect((await place.run("cycle", "all-verbs", "--yes")).out).toMatch(/^✔ all-verbs On/);
    expect((await place.run("reset", "all-verbs", "--yes", "--hard")).out).toMatch(/^✔ all-verbs On/);
    expect(await reads(place, "all-verbs")).toBe("running");
    expect((await ordersOf(place, "all-verbs")).map((order) => order.verb)).toEqual(["reset", "cycle", "off"]);
  });

  test.each(["off", "cycle", "reset"])("%s without a terminal needs --yes, and does nothing without", async (verb) => {
    const name = `asked-${verb}`;
    const [said, document] = await Promise.all([place.run(verb, name), place.json<Failure>(verb, name)]);
    expect(said).toEqual({
      code: 2,
      out: "",
      err: `error: ${verb} takes power away and asks first, and there is nobody to ask\nAdd --yes.\n`,
    });
    expect(document).toMatchObject({ code: 2, error: { code: "confirm", hint: "Add --yes." } });
    expect(await ordersOf(place, name)).toEqual([]);
    expect(await reads(place, name)).toBe("running");
  });

  test.each([
    ["a pattern", ["rack*"]],
    ["a tag", ["--tag", "rack"]],
  ])("%s switches all machines that it means", async (_, which) => {
    const { code, results } = await place.json<Results>("on", ...which);
    expect(code).toBe(0);
    expect(results.map(({ machine, exitCode }) => [machine, exitCode])).toEqual([
      ["rack1", 0],
      ["rack2", 0],
    ]);
    expect(await reads(place, "rack2")).toBe("running");
  });

  test("--dry-run tells what would be ordered, and orders nothing", async () => {
    const { code, out } = await place.run("off", "--tag", "dry", "--dry-run");
    expect(code).toBe(0);
    expect(out).toMatch(/^would order: off dry1 \(.+\)\nwould order: off dry2 \(.+\)\n$/);
    expect(await place.json("cycle", "--all", "--dry-run")).toMatchObject({ code: 0, dryRun: true, verb: "cycle" });
    expect(await ordersOf(place, "dry1")).toEqual([]);
    expect(await reads(place, "dry1")).toBe("running");
  });

  test("--no-wait returns with the order's id while the machine still boots", async () => {
    const { code, out } = await place.run("on", "nowait", "--no-wait");
    expect(code).toBe(0);
    expect(out).toMatch(/^nowait ordered \([\w-]+\)\n$/);
    await until(async () => (await reads(place, "nowait")) === "running", PREPARATION_MS, ASK_EVERY_MS);
  });
});

describe("what a command ends with", () => {
  test("1 where the device fails, with why and what to do", async () => {
    const { code, out } = await place.run("on", "refuses");
    expect(code).toBe(1);
    expect(out).toMatch(/^✘ refuses .+ \(\d\.\d s\)\n {2}.+\n$/);
    expect(await place.json<Results>("on", "dead")).toMatchObject({
      code: 1,
      results: [{ machine: "dead", exitCode: 1, error: { code: "unreachable" } }],
    });
  });

  test("2 for an unknown machine, with the near one, and nothing is ordered of the others", async () => {
    expect(await place.run("on", "near", "slwo")).toEqual({
      code: 2,
      out: "",
      err: 'error: there is no machine "slwo"; did you mean "slow"?\n`maasochist list` shows them.\n',
    });
    expect(await place.json("on", "slwo")).toMatchObject({ code: 2, error: { code: "not_found" } });
    expect((await place.run("on", "--tag", "rakc")).err).toContain('has the tag "rakc"; did you mean "rack"?');
    expect(await ordersOf(place, "near")).toEqual([]);
  });

  test.each([
    [["on"], "no machine is named"],
    [["on", "near", "--all"], "names, --tag and --all exclude one another"],
    [["off", "near", "--soft", "--hard", "--yes"], "--soft and --hard exclude each other"],
    [["on", "near", "--timeout", "soon"], '"soon" is not a duration'],
    [["on", "near", "--timeout", "2h"], "--timeout takes 1h at most"],
    [["off", "woken", "--yes"], "woken"],
  ])("2 for %j", async (args, said) => {
    const { code, out, err } = await place.run(...args);
    expect(code).toBe(2);
    expect(out + err).toContain(said);
  });

  test("4 where a machine is protected or disabled; --force passes protection", async () => {
    const [kept, shelved] = await Promise.all([place.run("off", "safe", "--yes"), place.run("on", "shelved")]);
    expect(kept.code).toBe(4);
    expect(kept.out).toContain("--force");
    expect(shelved.code).toBe(4);
    expect(shelved.out).toContain("enabled: false");
    expect(await reads(place, "safe")).toBe("running");
    expect(await place.run("off", "safe", "--yes", "--force")).toMatchObject({ code: 0 });
    expect(await reads(place, "safe")).toBe("stopped");
  });

  test("5 where some of several fail, and the others are switched", async () => {
    const { code, results } = await place.json<Results>("on", "good", "refuses");
    expect(code).toBe(5);
    expect(results.map(({ machine, exitCode }) => [machine, exitCode])).toEqual([
      ["refuses", 1],
      ["good", 0],
    ]);
    expect(await reads(place, "good")).toBe("running");
  });

  test("7 where the state never shows, and where nobody waited long enough; then the order goes on", async () => {
    const [stuck, slow] = await Promise.all([
      place.json<Results>("on", "stuck"),
      place.run("on", "slow", "--timeout", "1s"),
    ]);
    expect(stuck).toMatchObject({ code: 7, results: [{ error: { code: "unproven" } }] });
    expect(slow.code).toBe(7);
    expect(slow.out).toMatch(/^… slow still under way after \d\.\d s \([\w-]+\)\n$/);
    expect(await ordersOf(place, "slow")).toMatchObject([{ state: "running" }]);
  });

  test("130 after Ctrl-C, which ends the waiting and not the order", async () => {
    const waiting = place.start(["on", "interrupted"]);
    await until(() => place.daemon.err.includes('"machine":"interrupted","verb":"on"'));
    const { code, err } = await waiting.end("SIGINT");
    expect(code).toBe(130);
    expect(err).toContain("No longer waiting. Orders go on in the daemon");
    await until(async () => (await reads(place, "interrupted")) === "running", PREPARATION_MS, ASK_EVERY_MS);
    await until(async () => (await ordersOf(place, "interrupted"))[0]?.state === "done", PREPARATION_MS, ASK_EVERY_MS);
  });
});
