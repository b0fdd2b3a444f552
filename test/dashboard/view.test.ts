import { describe, expect, test } from "vitest";
import type { Machine } from "../../dashboard/src/api/types.ts";
import { choices, countsOf, linesOf, matching, sorted, viewOf } from "../../dashboard/src/machines/view.ts";

function machine(name: string, facts: Partial<Machine> = {}): Machine {
  return {
    name,
    tags: [],
    enabled: true,
    protect: "nobody",
    drivers: ["simulated"],
    hubs: [],
    verbs: ["on", "off"],
    state: "on",
    checking: false,
    ...facts,
  };
}

const MACHINES = [
  machine("nuc10", { tags: ["nuc", "rack1"], hubs: ["strip"], description: "Under the desk" }),
  machine("nuc2", { tags: ["nuc"], hubs: ["nuc2"], state: "off", mac: ["1c:69:7a:aa:bb:02"] }),
  machine("db1", { drivers: ["ipmi"], state: "error", address: "192.168.1.70" }),
  machine("attic", { state: "unknown", hubs: ["strip"] }),
];

function view(search: string) {
  return viewOf(new URLSearchParams(search));
}

function names(search: string): string[] {
  return matching(MACHINES, view(search)).map(({ name }) => name);
}

describe("the search", () => {
  test("finds what holds every word, in whatever a machine is called", () => {
    expect(names("search=NUC")).toEqual(["nuc10", "nuc2"]);
    expect(names("search=nuc+desk")).toEqual(["nuc10"]);
    expect(names("search=192.168.1.7")).toEqual(["db1"]);
    expect(names("search=7a:aa")).toEqual(["nuc2"]);
    expect(names("search=ipmi")).toEqual(["db1"]);
    expect(names("search=nuc+ipmi")).toEqual([]);
  });

  test("and the filters hold together", () => {
    expect(names("tag=nuc&hub=strip")).toEqual(["nuc10"]);
    expect(names("driver=ipmi&tag=nuc")).toEqual([]);
  });

  test("leaves the state out, so that the counts of the others stay", () => {
    expect(names("state=off")).toHaveLength(4);
    expect(countsOf(MACHINES)).toEqual({ on: 1, off: 1, unknown: 1, error: 1 });
  });

  test("takes what the address says wrongly for nothing", () => {
    expect(view("state=burning&sort=colour&group=size")).toMatchObject({
      state: undefined,
      sort: "name",
      group: undefined,
    });
  });
});

describe("the order", () => {
  const order = (search: string) => sorted(MACHINES, view(search)).map(({ name }) => name);

  test("by name counts as people do", () => {
    expect(order("")).toEqual(["attic", "db1", "nuc2", "nuc10"]);
    expect(order("order=desc")).toEqual(["nuc10", "nuc2", "db1", "attic"]);
  });

  test("by power has trouble first, and names within", () => {
    expect(order("sort=power")).toEqual(["db1", "attic", "nuc10", "nuc2"]);
  });

  test("by time has the newest first, and what never was last", () => {
    const polled = [machine("never"), machine("old", { polled: { at: 10 } }), machine("new", { polled: { at: 20 } })];
    expect(sorted(polled, view("sort=polled")).map(({ name }) => name)).toEqual(["new", "old", "never"]);
  });
});

describe("groups", () => {
  const shown = (search: string) =>
    linesOf(MACHINES, view(search).group).map((line) => (line.kind === "group" ? `[${line.name}]` : line.machine.name));

  test("by tag show a machine under each of its tags, and those without last", () => {
    expect(shown("group=tag")).toEqual([
      "[nuc]",
      "nuc10",
      "nuc2",
      "[rack1]",
      "nuc10",
      "[without a tag]",
      "db1",
      "attic",
    ]);
  });

  test("by hub and by driver; a hub that is one machine's own makes none", () => {
    expect(shown("group=hub")).toEqual(["[strip]", "nuc10", "attic", "[on no shared hub]", "nuc2", "db1"]);
    expect(shown("group=driver")).toEqual(["[ipmi]", "db1", "[simulated]", "nuc10", "nuc2", "attic"]);
  });

  test("have a key of their own for each line", () => {
    const keys = linesOf(MACHINES, "tag").map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
  });
});

test("the choices of a filter are each there once, in order", () => {
  expect(choices(MACHINES, "tags")).toEqual(["nuc", "rack1"]);
  expect(choices(MACHINES, "hubs")).toEqual(["strip"]);
});
