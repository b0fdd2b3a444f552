import { setImmediate as loopTurned } from "node:timers/promises";
import { expect, test } from "vitest";
import { turn } from "../../src/http/turn.ts";

test("those who come at once are let in by handfuls, in the order in which they came", async () => {
  const entered: number[] = [];
  for (let caller = 1; caller <= 20; caller++) void turn().then(() => entered.push(caller));
  expect(entered).toEqual([]);
  const after: number[] = [];
  while (entered.length < 20) {
    await loopTurned();
    after.push(entered.length);
  }
  expect(after).toEqual([8, 16, 20]);
  expect(entered).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
});

test("who comes while others wait stands behind them, and who comes alone waits for nobody", async () => {
  const entered: string[] = [];
  for (let caller = 1; caller <= 9; caller++)
    void turn().then(async () => {
      entered.push(`${caller}`);
      if (caller === 1) await turn().then(() => entered.push("1 again"));
    });
  await loopTurned();
  await loopTurned();
  expect(entered.slice(8)).toEqual(["9", "1 again"]);
  void turn().then(() => entered.push("alone"));
  await loopTurned();
  expect(entered.at(-1)).toBe("alone");
});
