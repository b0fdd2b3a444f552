import { describe, expect, test } from "vitest";
import { until } from "../expecting.ts";
import { configuration, Place, PREPARATION_MS, type ServedPlace, TOKEN } from "./cli.ts";

const ONE = "  nuc1: { driver: simulated, initial: on }\n";
const TWO = `${ONE}  nuc2: { driver: simulated }\n`;
const BROKEN = `${ONE}  nuc2: { driver: simulted }\n`;

async function knows(place: ServedPlace, machine: string): Promise<boolean> {
  const headers = { authorization: `Bearer ${TOKEN}` };
  return (await fetch(`${place.url}/maas/${machine}/query`, { headers })).status === 200;
}

describe("a changed configuration", { timeout: PREPARATION_MS }, () => {
  test("is taken over by itself, and a machine that is gone is refused clearly", async () => {
    await using place = await Place.serving(ONE);
    expect(await knows(place, "nuc2")).toBe(false);
    place.write("maasochist.yaml", configuration(TWO));
    await until(() => knows(place, "nuc2"));
    place.write("maasochist.yaml", configuration(ONE));
    await until(async () => !(await knows(place, "nuc2")));
    const off = await place.run("off", "nuc2", "--yes");
    expect(off).toMatchObject({ code: 2, err: expect.stringContaining("nuc2") });
    expect((await place.run("events")).out).toContain("configuration taken over: 1 added, 0 changed, 0 removed");
  });

  test("that is invalid changes nothing, and the daemon says why until it is mended", async () => {
    await using place = await Place.serving(TWO);
    place.write("maasochist.yaml", configuration(BROKEN));
    const reload = await place.run("reload");
    expect(reload.code).toBe(3);
    expect(reload.err).toMatch(/maasochist\.yaml:3:\d+ error: .*"simulted"/);
    expect(await knows(place, "nuc2")).toBe(true);
    expect((await place.run("doctor")).out).toMatch(/the last good|goes on: .*maasochist\.yaml:3/);
    place.write("maasochist.yaml", configuration(ONE));
    expect((await place.run("reload")).code).toBe(0);
    await until(async () => !(await knows(place, "nuc2")));
    expect((await place.run("doctor")).out).not.toContain("goes on");
  });

  test("is taken over at a hangup", async () => {
    await using place = await Place.serving(ONE);
    place.write("maasochist.yaml", configuration(TWO));
    place.daemon.child.kill("SIGHUP");
    await until(() => knows(place, "nuc2"));
    expect(place.daemon.child.exitCode).toBe(null);
  });
});

describe("reload", { timeout: PREPARATION_MS }, () => {
  test("--dry-run prints the difference, and changes nothing", async () => {
    // What is included by nobody is watched by nobody.
    await using place = await Place.serving(ONE);
    place.write("next.yaml", "");
    const same = await place.run("reload", "--dry-run");
    expect(same).toMatchObject({ code: 0, out: expect.stringContaining("no machine is different") });
    place.write("maasochist.yaml", configuration(TWO.replace("initial: on", "initial: off"), "hubs: {}"));
    const changed = await place.json<{ applied: boolean; difference: unknown }>("reload", "--dry-run");
    expect(changed).toMatchObject({ code: 0, applied: false });
    expect(changed.difference).toSatisfy(
      (difference: { added: string[]; changed: string[]; removed: string[] }) =>
        difference.removed.length === 0 && difference.added.length + difference.changed.length <= 2,
    );
  });

  test("names what only a restart changes", async () => {
    await using place = await Place.serving(ONE);
    place.write("maasochist.yaml", configuration(ONE).replace("shutdown_grace: 0s", "shutdown_grace: 1s"));
    expect((await place.run("reload")).out).toContain("Only a restart changes: server.");
  });
});
