import { once } from "node:events";
import { createServer } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Clone } from "./clone.ts";

const DEMONSTRATION_PORT = 6227;
/** Longest that building the whole program and running it may take (ms). */
const LONGEST_MS = 60_000;

let clone: Clone;
beforeAll(() => {
  clone = new Clone();
  for (const folder of ["src", "node_modules"]) clone.link(folder);
});
afterAll(() => clone[Symbol.dispose]());

test("npm start with a command builds and runs it", { timeout: LONGEST_MS }, async () => {
  const { code, out, err } = await clone.run("start.mjs", "", "version");
  expect(code).toBe(0);
  expect(out).toMatch(/^maasochist \d+\.\d+\.\d+ /);
  expect(err).toMatch(/Building …\nBuilt in \d+\.\d s\.\n$/);
});

test("npm start with the port in use says so, names the way out, and ends with 1", {
  timeout: LONGEST_MS,
}, async () => {
  // Whoever has it already has it as well as this one.
  const other = createServer().listen(DEMONSTRATION_PORT, "127.0.0.1");
  await once(other, "listening").catch(() => undefined);
  const { code, err } = await clone.run("start.mjs");
  other.close();
  expect(code).toBe(1);
  expect(err).toContain("error: 127.0.0.1:6227 is in use by another program\n");
  expect(err).toContain("See which: ss -ltnp 'sport = :6227'.");
  expect(err).toMatch(
    /\n {2}npm start -- init lab --listen 127\.0\.0\.1:6228\n {2}npm start -- serve -c lab\/maasochist\.yaml\n$/,
  );
});
