/** What `maas register` asks a person. Here the program runs without a process of its own. */
import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { mac } from "../maas-api/rack.ts";
import { MaasPlace } from "./maas-place.ts";
import { runAtTerminal } from "./terminal.ts";

/** Runs a command as at a terminal, with an answer to each of its questions. */
async function atTerminal(at: MaasPlace, args: readonly string[], answers: readonly string[]) {
  const { code, out, err } = await runAtTerminal(at.place, args, { types: answers, columns: 200 });
  return { code, out, err: stripVTControlCharacters(err) };
}

const OWN = `  a: { driver: simulated }\n  b: { driver: simulated, mac: "${mac(2)}" }\n`;

test("registering shows what would change, and asks", async () => {
  await using at = await MaasPlace.loggedIn({ own: OWN, machines: [{ hostname: "a", macs: [mac(1)] }] });
  const no = await atTerminal(at, ["maas", "register", "a"], ["n"]);
  expect(no.code).toBe(2);
  expect(no.err).toMatch(/^a +host name +a \w{6} +New +power type \(none\) → Webhook; 9 parameters$/m);
  expect(no.err).toContain("Change 1 machine in MAAS? [y/N] ");
  expect(at.maas.machine("a").powerType).toBe("");
  const yes = await atTerminal(at, ["maas", "register", "a"], ["y"]);
  expect(yes.code).toBe(0);
  expect(at.maas.machine("a").powerType).toBe("webhook");
});

test("adding a machine asks for its architecture first", async () => {
  await using at = await MaasPlace.loggedIn({ own: OWN });
  const added = await atTerminal(at, ["maas", "register", "b", "--create"], ["arm64/generic", "y"]);
  expect(added.code).toBe(0);
  expect(added.err).toContain("Architecture of b, such as amd64/generic: ");
  expect(at.maas.machine("b")).toMatchObject({ architecture: "arm64/generic", powerType: "webhook" });
});
