/** What `maas register` asks a person. Here the program runs without a process of its own. */
import { PassThrough } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { runCli } from "../../src/cli/program.ts";
import { until } from "../expecting.ts";
import { mac } from "../maas-api/rack.ts";
import { MaasPlace } from "./maas-place.ts";

/** Runs a command as at a terminal, with an answer to each of its questions. */
async function atTerminal(at: MaasPlace, args: readonly string[], answers: readonly string[]) {
  const shown = { out: "", err: "" };
  const keyboard = new PassThrough();
  const questions = new PassThrough().setEncoding("utf8");
  questions.on("data", (text: string) => {
    shown.err += text;
  });
  const running = runCli(args, {
    out: (text) => {
      shown.out += text;
    },
    err: (text) => {
      shown.err += text;
    },
    in: keyboard,
    questions,
    interactive: true,
    outIsTerminal: false,
    errIsTerminal: false,
    unread: new AbortController().signal,
    env: {},
    cwd: at.place.path,
    columns: 200,
  });
  for (const [index, answer] of answers.entries()) {
    await until(() => (shown.err.match(/\[y\/N\] |generic: /g) ?? []).length > index, 60_000);
    keyboard.write(`${answer}\n`);
  }
  const code = await running;
  return { code, out: shown.out, err: stripVTControlCharacters(shown.err) };
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
