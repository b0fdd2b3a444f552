import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { drivers } from "../src/drivers/index.ts";
import { DRIVER_PROMISES, type StartFixture } from "../src/wire/contract.ts";

const ROOT = join(import.meta.dirname, "..");

test("the list of drivers is complete, and every file in the folder is a driver", () => {
  const files = readdirSync(join(ROOT, "src/drivers")).map((file) => file.replace(/\.ts$/, ""));
  expect(drivers.map((driver) => driver.name).sort()).toEqual(files.filter((file) => file !== "index").sort());
});

test("no two drivers have one name", () => {
  expect(new Set(drivers.map((driver) => driver.name)).size).toBe(drivers.length);
});

describe.concurrent.each(drivers.map((driver) => [driver.name, driver] as const))("the driver %s", (name, driver) => {
  const promises = DRIVER_PROMISES.filter((promise) => promise.concerns(driver));
  // Most of them wait, for what does not come: side by side.
  test.each(promises.map((promise) => [promise.name, promise] as const))("%s", async (_sentence, promise) => {
    const fixture: { start: StartFixture } = await import(`./fixtures/${name}.ts`);
    await expect(promise.check(driver, fixture.start)).resolves.toBeUndefined();
  });
});
