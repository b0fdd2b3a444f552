import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    restoreMocks: true,
    testTimeout: 20_000,
    projects: [
      { extends: true, test: { name: "unit", include: ["test/**/*.test.ts"], exclude: ["test/system/**"] } },
      {
        extends: true,
        test: { name: "system", include: ["test/system/**/*.test.ts"], testTimeout: 120_000, hookTimeout: 120_000 },
      },
    ],
  },
});
