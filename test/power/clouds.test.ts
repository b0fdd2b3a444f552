import { describe, expect, test } from "vitest";
import { type Cloud, Clouds } from "../../src/power/cloud.ts";
import type { SupplyReading, SupplySeen } from "../../src/power/reading.ts";

/** A command for the machine that ended at 100 and may take until 1000 to show. */
function cloud(goal: "on" | "off", more: Partial<Cloud> = {}): Cloud {
  return { goal, of: "machine", since: 100, until: 1_000, ...more };
}

const supply = (goal: "on" | "off", more: Partial<Cloud> = {}) => cloud(goal, { of: "supply", ...more });

describe("a list of clouds", () => {
  test("begins with none, or with those that were kept", () => {
    expect(new Clouds().all).toEqual([]);
    expect(new Clouds([cloud("on")]).all).toEqual([cloud("on")]);
  });

  test("loses those that are over when the next command is sent, and no others", () => {
    const over = cloud("on", { until: 500 });
    const almost = cloud("on", { until: 501 });
    const clouds = new Clouds([over, almost]);
    const next = cloud("off", { since: 500, until: 2_000 });
    clouds.add([next]);
    expect(clouds.all).toEqual([almost, next]);
  });

  test("loses those that are over when the last of several commands is sent", () => {
    const clouds = new Clouds([cloud("off", { until: 500 })]);
    const next = [cloud("on", { since: 400, until: 2_000 }), supply("on", { since: 600, until: 2_000 })];
    clouds.add(next);
    expect(clouds.all).toEqual(next);
  });

  test("loses exactly the ones that are taken back, however alike", () => {
    const [sent, other] = [cloud("on"), cloud("on")];
    const clouds = new Clouds([sent, other]);
    clouds.remove([sent]);
    expect(clouds.all).toHaveLength(1);
    expect(clouds.all[0]).toBe(other);
  });

  // The machine is remembered anew whenever the list is another one: not at every reading.
  test("is the same list as long as a reading ends none of them", () => {
    const clouds = new Clouds([cloud("on"), supply("on")]);
    const before = clouds.all;
    clouds.shown("off", 500);
    clouds.shown("on", 99);
    expect(clouds.supplied({ fed: true, startedAt: 99 })).toBe(false);
    expect(clouds.all).toBe(before);
  });
});

describe("a cloud against a state", () => {
  test("is the one of a command for the other state", () => {
    const clouds = new Clouds([cloud("on")]);
    expect(clouds.against("off", 500)).toEqual(cloud("on"));
    expect(clouds.against("on", 500)).toBeUndefined();
  });

  test("ends with its wait, to the millisecond", () => {
    const clouds = new Clouds([cloud("on")]);
    expect(clouds.against("off", 999)).toEqual(cloud("on"));
    expect(clouds.against("off", 1_000)).toBeUndefined();
  });
});

describe("a machine that shows the state", () => {
  test.each(["on", "off"] as const)("%s ends the clouds of that goal and leaves those of the other", (state) => {
    const opposite = state === "on" ? "off" : "on";
    // The other one was sent later, so it may still change what was shown.
    const later = cloud(opposite, { since: 200 });
    const clouds = new Clouds([cloud(state), later]);
    clouds.shown(state, 500);
    expect(clouds.all).toEqual([later]);
  });

  test("ends no cloud of its supply: that has states of its own", () => {
    const clouds = new Clouds([supply("on"), cloud("on")]);
    clouds.shown("on", 500);
    expect(clouds.all).toEqual([supply("on")]);
  });

  test("proves something only by a reading that did not begin before the command ended", () => {
    const clouds = new Clouds([cloud("on")]);
    clouds.shown("on", 99);
    expect(clouds.all).toEqual([cloud("on")]);
    clouds.shown("on", 100);
    expect(clouds.all).toEqual([]);
  });

  test("may show what was there before both of two opposite commands: then the later one's goal is not seen", () => {
    const before = [cloud("on", { since: 100 }), cloud("off", { since: 200, until: 2_000 })];
    const clouds = new Clouds(before);
    clouds.shown("off", 500);
    expect(clouds.all).toEqual(before);
  });

  test("shows the later one's goal from when the earlier one's wait is over", () => {
    const early = cloud("on", { since: 100, until: 1_000 });
    const late = cloud("off", { since: 200, until: 2_000 });
    const clouds = new Clouds([early, late]);
    clouds.shown("off", 999);
    expect(clouds.all).toEqual([early, late]);
    clouds.shown("off", 1_000);
    expect(clouds.all).toEqual([early]);
  });

  test("shows nothing yet while its supply may still change to the other state", () => {
    const before = [supply("on", { since: 100 }), cloud("off", { since: 200 })];
    const clouds = new Clouds(before);
    clouds.shown("off", 500);
    expect(clouds.all).toEqual(before);
  });
});

describe("a restart under way", () => {
  const restart = (more: Partial<Cloud> = {}) => cloud("on", { restarts: true, ...more });

  test("is not shown by an on, which may be the one from before it", () => {
    const clouds = new Clouds([restart()]);
    clouds.shown("on", 500);
    expect(clouds.all).toEqual([restart()]);
  });

  test("is shown by an on after its off was seen", () => {
    const clouds = new Clouds([restart()]);
    clouds.shown("off", 500);
    expect(clouds.all).toEqual([restart({ restarts: false })]);
    expect(clouds.against("off", 600)).toEqual(restart({ restarts: false }));
    clouds.shown("on", 600);
    expect(clouds.all).toEqual([]);
  });

  test("is not turned by an off in a reading that began before it was sent", () => {
    const clouds = new Clouds([restart()]);
    clouds.shown("off", 99);
    expect(clouds.all).toEqual([restart()]);
    clouds.shown("off", 100);
    expect(clouds.all).toEqual([restart({ restarts: false })]);
  });

  test("is turned by itself among other commands, which stay as they are", () => {
    const clouds = new Clouds([cloud("on"), supply("on"), restart({ since: 300 }), restart({ since: 600 })]);
    clouds.shown("off", 500);
    expect(clouds.all).toEqual([
      cloud("on"),
      supply("on"),
      restart({ since: 300, restarts: false }),
      restart({ since: 600 }),
    ]);
  });
});

describe("a supply that is seen", () => {
  test("closed ends the clouds that were to close it, and leaves the machine to show itself", () => {
    const clouds = new Clouds([supply("on"), cloud("on"), supply("off", { since: 600 })]);
    expect(clouds.supplied({ fed: true, startedAt: 500 })).toBe(false);
    expect(clouds.all).toEqual([cloud("on"), supply("off", { since: 600 })]);
  });

  test("open for the first time after a command to open it says so, once", () => {
    const clouds = new Clouds([supply("off")]);
    expect(clouds.supplied({ fed: false, startedAt: 99 })).toBe(false);
    expect(clouds.supplied({ fed: false, startedAt: 100 })).toBe(true);
    expect(clouds.all).toEqual([]);
    expect(clouds.supplied({ fed: false, startedAt: 200 })).toBe(false);
  });

  test("open without a command to open it does not say so, though it ends what was asked of the machine", () => {
    const clouds = new Clouds([cloud("off"), cloud("on", { since: 200 })]);
    expect(clouds.supplied({ fed: false, startedAt: 500 })).toBe(false);
    expect(clouds.all).toEqual([]);
  });

  test("closed by a command says nothing of an opening", () => {
    expect(new Clouds([supply("on")]).supplied({ fed: true, startedAt: 500 })).toBe(false);
  });

  test("open ends nothing that was asked of the machine later", () => {
    const clouds = new Clouds([cloud("on", { since: 501 })]);
    clouds.supplied({ fed: false, startedAt: 500 });
    expect(clouds.all).toEqual([cloud("on", { since: 501 })]);
  });

  test("open ends nothing while a command to close it may still show, which the machine is to start by", () => {
    const before = [supply("on"), cloud("on")];
    const clouds = new Clouds(before);
    clouds.supplied({ fed: false, startedAt: 500 });
    expect(clouds.all).toEqual(before);
  });

  test("open voids what was asked of the machine once the command to close it is over", () => {
    const over = supply("on", { until: 500 });
    const clouds = new Clouds([over, cloud("on")]);
    clouds.supplied({ fed: false, startedAt: 499 });
    expect(clouds.all).toEqual([over, cloud("on")]);
    clouds.supplied({ fed: false, startedAt: 500 });
    expect(clouds.all).toEqual([over]);
  });

  test("open voids what was asked of the machine, though that was to switch it on", () => {
    const clouds = new Clouds([cloud("on"), supply("off", { since: 200 })]);
    expect(clouds.supplied({ fed: false, startedAt: 500 })).toBe(true);
    expect(clouds.all).toEqual([]);
  });

  test("open may be the open from before two opposite commands", () => {
    const before = [supply("on", { since: 100 }), supply("off", { since: 200 })];
    const clouds = new Clouds(before);
    expect(clouds.supplied({ fed: false, startedAt: 500 })).toBe(false);
    expect(clouds.all).toEqual(before);
  });

  test("closed may be the closed from before two opposite commands", () => {
    const before = [supply("off", { since: 100 }), supply("on", { since: 200 })];
    const clouds = new Clouds(before);
    clouds.supplied({ fed: true, startedAt: 500 });
    expect(clouds.all).toEqual(before);
  });

  test.each(["on", "off"] as const)(
    "is not doubted for what was asked of the machine before it was commanded %s",
    (goal) => {
      const asked = cloud(goal === "on" ? "off" : "on", { since: 100 });
      const clouds = new Clouds([asked, supply(goal, { since: 200 })]);
      expect(clouds.supplied({ fed: goal === "on", startedAt: 500 })).toBe(goal === "off");
      expect(clouds.all).toEqual(goal === "on" ? [asked] : []);
    },
  );

  describe("outlet by outlet", () => {
    type State = SupplyReading["state"];
    const seen = (left: State, right: State): SupplySeen => ({
      fed: left === "closed" || right === "closed",
      startedAt: 500,
      outlets: [
        { label: "left", state: left },
        { label: "right", state: right },
      ],
    });
    const both = ["left", "right"];

    test.each<["on" | "off", readonly string[], State, State, boolean]>([
      ["on", both, "closed", "closed", true],
      ["on", both, "closed", "open", false],
      ["on", both, "closed", "unknown", false],
      ["on", ["left"], "closed", "open", true],
      ["on", ["right"], "closed", "open", false],
      ["on", ["gone"], "closed", "closed", false],
      ["off", both, "open", "open", true],
      ["off", both, "open", "closed", false],
      ["off", ["left"], "open", "closed", true],
      ["off", ["right"], "open", "closed", false],
    ])("ends an %s of %j, where they are %s and %s: %s", (goal, outlets, left, right, ended) => {
      const clouds = new Clouds([supply(goal, { outlets })]);
      clouds.supplied(seen(left, right));
      expect(clouds.all.length).toBe(ended ? 0 : 1);
    });

    test("says that it opened only when all are open", () => {
      const [one, all] = [["left"], both].map((outlets) => new Clouds([supply("off", { outlets })]));
      expect(one?.supplied(seen("open", "closed"))).toBe(false);
      expect(all?.supplied(seen("open", "open"))).toBe(true);
    });

    test("ends commands of an earlier version, which kept no outlets, by whether it is fed", () => {
      const clouds = new Clouds([supply("on")]);
      clouds.supplied(seen("closed", "open"));
      expect(clouds.all).toEqual([]);
    });

    test("ends commands of outlets by whether it is fed, where it has but one now", () => {
      const clouds = new Clouds([supply("on", { outlets: both })]);
      clouds.supplied({ fed: true, startedAt: 500 });
      expect(clouds.all).toEqual([]);
    });
  });
});
