import { describe, expect, test } from "vitest";
import { type Right, ROLES, rightFor, roleAllows } from "../../src/power/access.ts";
import { isAutomation, type Role } from "../../src/power/order.ts";

const ALL: readonly Right[] = ["read", "order", "lock", "configure"];

describe("a role", () => {
  test.each<[Role, readonly Right[]]>([
    ["maas", ["read", "order"]],
    ["viewer", ["read"]],
    ["operator", ["read", "order", "lock"]],
    ["admin", ["read", "order", "lock", "configure"]],
  ])("%s may %j and nothing else", (role, rights) => {
    expect(ALL.filter((right) => roleAllows(role, right))).toEqual(rights);
  });

  test("is one of four, of which one alone is automation", () => {
    expect(ROLES).toEqual(["maas", "viewer", "operator", "admin"]);
    expect(ROLES.filter((role) => isAutomation({ role }))).toEqual(["maas"]);
  });
});

describe("a verb", () => {
  test.each([
    ["query", "read"],
    ["on", "order"],
    ["off", "order"],
    ["cycle", "order"],
    ["reset", "order"],
  ] as const)("%s needs the right to %s", (verb, right) => {
    expect(rightFor(verb)).toBe(right);
  });
});
