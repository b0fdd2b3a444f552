/** What MAAS tells of machines, where people look at them and switch them. */
import { describe, expect, test } from "vitest";
import { Client } from "../../src/cli/client.ts";
import { pathsBeside } from "../../src/store/paths.ts";
import { until } from "../expecting.ts";
import { mac } from "../maas-api/rack.ts";
import { MaasPlace, untilStatus } from "./maas-place.ts";
import { runAtTerminal } from "./terminal.ts";

const FAST = "driver: simulated, boot: 0s, shutdown: 0s, lag: 0s, initial: on";

async function site(): Promise<MaasPlace> {
  const at = await MaasPlace.loggedIn({
    own: `  nuc3: { ${FAST} }\n  nuc4: { ${FAST} }\n  other: { ${FAST} }\n`,
    machines: [
      { hostname: "nuc3", systemId: "k3hxa7", macs: [mac(3)], status: "Deployed" },
      { hostname: "nuc4", systemId: "8fexw2", status: "Ready" },
    ],
  });
  await at.serve();
  await until(async () => (await daemonOf(at).machine("nuc4")).maas !== undefined);
  return at;
}

/** The daemon, asked without a process of its own. */
function daemonOf({ place }: MaasPlace): Client {
  return new Client(pathsBeside(place.file("maasochist.db")).socket);
}

test("`list` and `status` tell what a machine is in MAAS", async () => {
  await using at = await site();
  const { out } = await at.place.run("list");
  expect(out).toMatch(/^nuc3 .* Deployed, never asked$/m);
  expect(out).toMatch(/^nuc4 .* Ready, never asked$/m);
  expect(out).toMatch(/^other .* {2}never asked$/m);
  const status = await at.place.run("status", "nuc3");
  expect(status.out).toContain("  in MAAS   Deployed: nuc3 (k3hxa7)\n");
});

describe("before power is taken away", () => {
  test("a machine that MAAS has in use is named in the question", async () => {
    await using at = await site();
    const one = await runAtTerminal(at.place, ["off", "nuc3"], { types: "n" });
    expect(one.err).toContain("  nuc3 (MAAS: Deployed)\nPower off nuc3 (MAAS: Deployed)? [y/N] ");
    const all = await runAtTerminal(at.place, ["cycle", "nuc3", "nuc4", "other"], { types: "n" });
    expect(all.err).toContain(
      "  nuc3 (MAAS: Deployed)   nuc4 (MAAS: Ready)   other\nPower cycle 3 machines, in use in MAAS: nuc3? [y/N] ",
    );
  });
});

test("an order of MAAS is told with the user behind it", async () => {
  await using at = await site();
  const { place, maas } = at;
  expect(await place.run("maas", "register", "--yes", "nuc3")).toMatchObject({ code: 0 });
  const nuc3 = maas.machine("nuc3");
  await untilStatus(at, "nuc3", nuc3.parameters["power_token"] ?? "", 200);
  maas.wish(nuc3, "bob", "releasing node");
  expect(await maas.power(nuc3, "off")).toBe("off");
  await until(async () => (await daemonOf(at).machine("nuc3")).lastOrder?.behind !== undefined);
  expect((await place.run("list")).out).toMatch(/^nuc3 .* Power off by \S+ for bob \(releasing node\), \d+s ago /m);
  expect((await place.run("orders", "nuc3")).out).toContain(" for bob (releasing node)");
});

test("a MAAS that is out of reach is told of, with since when", async () => {
  await using at = await MaasPlace.loggedIn({ own: `  nuc3: { ${FAST} }\n`, machines: [{ hostname: "nuc3" }] });
  await at.maas.die();
  await at.serve();
  const told = / cannot ask MAAS, since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d: /;
  await until(async () => (await daemonOf(at).status()).maasSilent !== undefined);
  expect((await at.place.run("status", "nuc3")).out).toContain("\nMAAS cannot be asked, since ");
  const { out } = await at.place.run("doctor");
  expect(out).toMatch(told);
  expect((await at.place.run("on", "nuc3")).code).toBe(0);
});
