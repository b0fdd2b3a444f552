import { chmodSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { until } from "../expecting.ts";
import { configuration, Place, PREPARATION_MS, TOKEN } from "./cli.ts";

interface Examined {
  readonly findings: readonly { readonly level: string; readonly code: string; readonly message: string }[];
}

const ONE = "  a: { driver: simulated }\n";

describe("doctor", { timeout: PREPARATION_MS }, () => {
  test("of a daemon in order finds no error, and ends with 0", async () => {
    await using place = await Place.serving(ONE);
    const { code, findings } = await place.json<Examined>("doctor");
    expect(code).toBe(0);
    expect(findings.filter(({ level }) => level === "error")).toEqual([]);
    expect(findings.map((finding) => finding.code)).toEqual([
      "node",
      "clock",
      "config",
      "store",
      "daemon",
      "url-not-polled",
      "never-polled",
    ]);
    const { out } = await place.run("doctor");
    expect(out).toContain(`✔ ${place.file("maasochist.yaml")} is valid: 1 machine\n`);
    expect(out).toMatch(/! MAAS has asked nothing since the daemon started \[never-polled\]\n {4}\S/);
  });

  test("tells who of MAAS asked last", async () => {
    await using place = await Place.serving(ONE);
    const headers = { authorization: "Bearer wrong", "user-agent": "MAAS 3.7.3" };
    await fetch(`${place.url}/maas/a/query`, { headers });
    expect((await place.run("doctor")).out).toContain("[never-polled]");
    await fetch(`${place.url}/maas/a/query`, { headers: { ...headers, authorization: `Bearer ${TOKEN}` } });
    expect((await place.run("doctor")).out).toMatch(/✔ last asked by MAAS 3\.7\.3 at 127\.0\.0\.1, \d+s ago\n/);
  });

  test("without a daemon says how to start it, and ends with 1", async () => {
    await using place = Place.with({ "maasochist.yaml": configuration(ONE) });
    const { code, findings } = await place.json<Examined>("doctor");
    expect(code).toBe(1);
    expect(findings.at(-1)).toMatchObject({ level: "error", code: "daemon" });
    expect((await place.run("doctor")).out).toContain("    Start it: `maasochist serve`");
  });

  test("finds what is wrong with the configuration, a hub, and the modes of files", async () => {
    await using place = await Place.serving("  dead: { driver: simulated, fault: unreachable }\n");
    await place.run("token", "add", "x");
    chmodSync(place.file("maasochist.credentials.json"), 0o644);
    await place.run("status", "dead");
    place.write("maasochist.yaml", configuration(`${ONE}  b: { driver: simulatd }\n`));
    // The daemon sees the file as well, and goes on with the last good one.
    await until(() => place.daemon.err.includes("the last good one goes on"));
    const { code, findings } = await place.json<Examined>("doctor");
    expect(code).toBe(1);
    const errors = findings.filter(({ level }) => level === "error").map((finding) => finding.code);
    expect(errors).toEqual(["config", "unknown-driver", "daemon-problem", "hub-unreachable"]);
    place.write("maasochist.yaml", configuration(ONE));
    const again = await place.json<Examined>("doctor");
    expect(again.findings.find((finding) => finding.code === "file-mode")?.message).toContain("credentials.json");
  });
});
