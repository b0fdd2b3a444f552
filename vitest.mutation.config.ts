import { defineConfig } from "vitest/config";

/** For `npm run mutate`: the tests of the power domain, with fewer histories of the model than `npm test` plays. */
export default defineConfig({
  test: {
    restoreMocks: true,
    testTimeout: 20_000,
    include: ["test/power/**/*.test.ts", "test/app/poller.test.ts"],
    env: { MAASOCHIST_MODEL_RUNS: "30" },
  },
});
