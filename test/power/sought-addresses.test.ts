import { describe, expect, test } from "vitest";
import { type Addresses, type Found, NOWHERE } from "../../src/power/address.ts";
import type { Driver, QueryAnswer } from "../../src/power/driver.ts";
import { PowerError } from "../../src/power/errors.ts";
import type { HubSpec } from "../../src/power/spec.ts";
import { failureOf } from "../expecting.ts";
import { ASKING, BareHub } from "./bare-hub.ts";

/** Whoever finds addresses; `doubted` tells which of them were doubted. */
function finder(found: Found) {
  const doubted: string[] = [];
  const finds = { found };
  const addresses: Addresses = {
    find: async () => finds.found,
    doubt: (machine) => void doubted.push(machine),
  };
  return { addresses, doubted, finds };
}

const SOUGHT = { key: "host", machine: "desk" };
const HERE: Found = { address: "192.0.2.7" };
const DOUBTED: Found = { address: "192.0.2.7", doubt: "MAAS has not seen it for an hour" };
const GONE: Found = { ...DOUBTED, gone: true };

/** An outlet that is reached at an address to be found, and what its driver was given. */
function wanderer(found: Found, answer: QueryAnswer | Error = "on", more: Partial<HubSpec> = {}) {
  const given: unknown[] = [];
  const { addresses, doubted, finds } = finder(found);
  const note = async (_hub: unknown, settings: unknown) => void given.push(settings);
  const driver: Partial<Driver> = {
    query: async (_hub, settings: unknown) => {
      given.push(settings);
      if (answer instanceof Error) throw answer;
      return answer;
    },
    on: note,
    off: note,
  };
  const bare = new BareHub(driver, { addresses, ...more });
  const outlet = bare.outlet({ user: "maas" }, more.sought ? {} : { sought: SOUGHT });
  return { bare, outlet, given, doubted, finds };
}

describe("an outlet at an address that is found", () => {
  test("is read and commanded there, with its other settings", async () => {
    const { bare, outlet, given, finds } = wanderer(HERE);
    await using _bare = bare;
    expect((await outlet.read(ASKING)).value).toEqual({ state: "on" });
    finds.found = { address: "192.0.2.8" };
    await outlet.command("on", undefined, ASKING);
    expect(given).toEqual([
      { user: "maas", host: "192.0.2.7" },
      { user: "maas", host: "192.0.2.8" },
    ]);
  });

  test.each([
    { answer: "on", doubted: [] },
    { answer: "off", doubted: ["desk"] },
    { answer: { state: "unknown" }, doubted: ["desk"] },
    { answer: new PowerError("refused", "no"), doubted: ["desk"] },
  ] as const)("is doubted after a read that is anything but on: $answer", async ({ answer, doubted: expected }) => {
    const { bare, outlet, doubted } = wanderer(HERE, answer);
    await using _bare = bare;
    await outlet.read(ASKING).catch(() => undefined);
    expect(doubted).toEqual(expected);
  });

  test("is doubted after a command, for the machine may come back at another", async () => {
    const { bare, outlet, doubted } = wanderer(HERE);
    await using _bare = bare;
    expect(await outlet.command("off", undefined, ASKING)).not.toHaveProperty("doubt");
    expect(doubted).toEqual(["desk"]);
  });

  test("that may be another's by now is believed only as an assumption, which says why", async () => {
    const { bare, outlet } = wanderer(DOUBTED, { state: "on", evidence: "it pings", reason: "it is slow" });
    await using _bare = bare;
    expect((await outlet.read(ASKING)).value).toEqual({
      state: "on",
      assumed: true,
      evidence: "it pings, at its last known address",
      reason: "it is slow; MAAS has not seen it for an hour",
    });
  });

  test("that may be another's by now is commanded all the same, and the doubt is told", async () => {
    const { bare, outlet, given } = wanderer(DOUBTED);
    await using _bare = bare;
    expect((await outlet.command("off", undefined, ASKING)).doubt).toBe("MAAS has not seen it for an hour");
    expect(given).toEqual([{ user: "maas", host: "192.0.2.7" }]);
  });

  test.each([
    { answer: "on", state: "unknown" },
    { answer: "off", state: "off" },
  ] as const)("that it has no more and that says $answer tells $state, assumed", async ({ answer, state }) => {
    const { bare, outlet } = wanderer(GONE, answer);
    await using _bare = bare;
    expect((await outlet.read(ASKING)).value).toEqual({
      state,
      assumed: true,
      evidence: `strip outlet 1 says ${answer}, at its last known address`,
      reason: "MAAS has not seen it for an hour",
    });
  });

  test("that it has no more is commanded nothing: another may have it now", async () => {
    const { bare, outlet, given } = wanderer(GONE);
    await using _bare = bare;
    expect(await failureOf(outlet.command("off", undefined, ASKING))).toMatchObject({
      code: "unreachable",
      message: "desk cannot be told anything: MAAS has not seen it for an hour",
      mayHaveActed: false,
    });
    expect(given).toEqual([]);
  });

  test("is read alone, though others of its hub are read together", async () => {
    const { addresses } = finder(HERE);
    const together: unknown[] = [];
    await using bare = new BareHub(
      {
        query: async () => "on",
        queryAll: async (_hub, outlets: readonly unknown[]) => {
          together.push(...outlets);
          return outlets.map(() => "off" as const);
        },
      },
      { addresses },
    );
    const [found, fixed] = [bare.outlet({ user: "maas" }, { sought: SOUGHT }), bare.outlet({ user: "anna" })];
    for (const { spec } of [found, fixed]) bare.hub.reads(spec.settings);
    const [one, other] = await bare.run(Promise.all([found.read(ASKING), fixed.read(ASKING)]));
    expect([one.value.state, other.value.state, together]).toEqual(["on", "off", [{ user: "anna" }]]);
  });

  test("cannot be reached where nobody finds any", async () => {
    await using bare = new BareHub({ query: async () => "on" });
    expect(await failureOf(bare.outlet({}, { sought: SOUGHT }).read(ASKING))).toMatchObject({
      code: "unreachable",
      message: "the address of desk changes, and nothing here finds it",
    });
    expect(NOWHERE.doubt("desk")).toBeUndefined();
  });
});

describe("an outlet of a hub at an address that is found", () => {
  test("is doubted with its hub, keeps its settings, and counts as assumed while it is in doubt", async () => {
    const { bare, outlet, given, doubted } = wanderer(DOUBTED, "off", { sought: SOUGHT });
    await using _bare = bare;
    expect((await outlet.read(ASKING)).value).toEqual({
      state: "off",
      assumed: true,
      evidence: "strip outlet 1 says off, at its last known address",
      reason: "MAAS has not seen it for an hour",
    });
    expect([given, doubted]).toEqual([[{ user: "maas" }], ["desk"]]);
  });
});
