import { defineConfig } from "vitest/config";

/** Where to write a report for machines, beside what people read; .ci/run adds these up. */
const report = process.env["TEST_REPORT"];

/** Tests of the built program and of other real programs, as processes, and fuzzing: they take longer than `npm test` may. */
const LONG = ["test/system", "test/cli", "test/scripts", "test/fuzz"].map((folder) => `${folder}/**/*.test.ts`);

export default defineConfig({
  test: {
    restoreMocks: true,
    // Every core: the default leaves one out, which on two of them is half.
    maxWorkers: "100%",
    // Tests that run side by side take turns, each with the time of all: what hangs is told by its own, shorter, waits.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: report === undefined ? ["default"] : ["default", ["json", { outputFile: report }]],
    // Drivers of a user's own, which tests put into folders so called, are loaded by Node.js itself, as in the daemon.
    server: { deps: { external: [/\/maasochist-own-driver-\w+\//] } },
    projects: [
      // Without isolation the files that one worker runs share the modules that they import, which saves a quarter of the time.
      { extends: true, test: { name: "unit", include: ["test/**/*.test.ts"], exclude: LONG, isolate: false } },
      {
        extends: true,
        test: { name: "system", include: LONG, testTimeout: 120_000, hookTimeout: 120_000 },
      },
    ],
  },
});
