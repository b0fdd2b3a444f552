import { expect, test } from "vitest";
import driver from "../../src/drivers/assumed.ts";
import { query } from "./run.ts";

test.each(["on", "off"] as const)("the last state that was ordered, %s, is told as assumed", async (state) => {
  expect(await query({ driver, outlet: {}, last: { state, at: 0 } })).toMatchObject({ state, assumed: true });
});

test("before the first order the state is unknown, and says why", async () => {
  expect(await query({ driver, outlet: {} })).toMatchObject({
    state: "unknown",
    assumed: true,
    reason: expect.stringContaining("nothing was ordered yet"),
  });
});
