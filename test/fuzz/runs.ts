/** How many hostile inputs each fuzz test gives; with fewer than a thousand some kinds of them may not come at all. */
export const RUNS = Number(process.env["MAASOCHIST_FUZZ_RUNS"] ?? 10_000);

/** How long such a test may take (ms), on a slow host as well. */
export const FUZZ_TIMEOUT_MS = 30_000 + RUNS * 30;

/** What is found is told at once with its seed, by which it can be run again and made smaller; that takes minutes. */
export const SETTINGS = { numRuns: RUNS, endOnFailure: true };
