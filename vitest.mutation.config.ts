import { defineConfig } from "vitest/config";

/**
 * For `npm run mutate`: the tests of the power domain but for the model, whose histories would run for every mutant.
 * A test that takes longer than this is one that a mutant holds up: alone none takes a second.
 */
export default defineConfig({
  test: {
    restoreMocks: true,
    isolate: false,
    testTimeout: 3_000,
    include: ["test/power/**/*.test.ts", "test/app/poller.test.ts"],
    exclude: ["test/power/model.test.ts"],
  },
});
