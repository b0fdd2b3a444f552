import { expect, test } from "vitest";
import { compareNames } from "../../dashboard/src/words/natural-order.ts";
import { number } from "../../dashboard/src/words/words.ts";

test("names stand in the order in which people count", () => {
  const names = ["node10", "Node2", "öre", "rack2-node1", "zoo", "node02", "rack10-node1", "node2", "oak", "node"];
  expect(names.toSorted(compareNames)).toEqual([
    "node",
    "Node2",
    "node02",
    "node2",
    "node10",
    "oak",
    "öre",
    "rack2-node1",
    "rack10-node1",
    "zoo",
  ]);
});

test.each([
  [0, "0 machines"],
  [1, "1 machine"],
  [999, "999 machines"],
  [1_000, "1,000 machines"],
  [12_345, "12,345 machines"],
  [1_234_567, "1,234,567 machines"],
])("%d machines are written as %s", (count, text) => {
  expect(number(count, "machine")).toBe(text);
});
