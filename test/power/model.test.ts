/**
 * The controller beside a reference of machines, supplies, hubs and clicks, under every fault that hardware and people can
 * think of. MAASOCHIST_MODEL_RUNS makes it longer, MAASOCHIST_MODEL_SEED=random another one; MAASOCHIST_MODEL_SEED, MAASOCHIST_MODEL_PATH and
 * MAASOCHIST_MODEL_REPLAY repeat a run that failed, with what it printed.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { messageOf } from "../../src/power/errors.ts";
import { type Memory, shapes, steps, wishes } from "./model/steps.ts";
import { World } from "./model/world.ts";

const { env } = process;
const RUNS = Number(env["MAASOCHIST_MODEL_RUNS"] ?? 200);
/** The same histories each time, so that a change is judged by what it changes; others are for long runs. */
const SEED = env["MAASOCHIST_MODEL_SEED"] ?? "20261125";
const PATH = env["MAASOCHIST_MODEL_PATH"];
const REPLAY = env["MAASOCHIST_MODEL_REPLAY"];
const STEPS = 50;

test(`keeps its promises in ${RUNS} histories of up to ${STEPS} steps`, {
  timeout: 60_000 + RUNS * 2_000,
}, async () => {
  const commands = fc.commands([...steps], {
    maxCommands: STEPS,
    size: "max",
    ...(REPLAY !== undefined && { replayPath: REPLAY }),
  });
  const property = fc.asyncProperty(shapes, wishes, commands, async (shape, wished, history) => {
    using world = new World(shape);
    const memory: Memory = { requests: new Map() };
    try {
      await fc.asyncModelRun(() => ({ model: memory, real: world }), history);
      await world.finish(wished);
    } catch (error) {
      throw new Error([messageOf(error), "", ...world.story].join("\n"), { cause: error });
    }
  });
  const details = await fc.check(property, {
    numRuns: RUNS,
    ...(SEED !== "random" && { seed: Number(SEED) }),
    ...(PATH !== undefined && { path: PATH }),
  });
  const report = await fc.asyncDefaultReportMessage(details);
  expect(details.failed, `${report}\n\n${messageOf(details.errorInstance)}`).toBe(false);
});
