import type { Command } from "commander";
import type { MachineShape } from "../http/shapes.ts";
import type { Verb } from "../power/driver.ts";
import { messageOf } from "../power/errors.ts";
import { CliError } from "./cli-error.ts";
import type { Client } from "./client.ts";
import { confirm } from "./confirm.ts";
import type { Cli } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { stateWord } from "./words.ts";

interface Options {
  readonly full?: boolean;
  readonly asMaas?: boolean;
  readonly act?: boolean;
  readonly token?: string;
  readonly yes?: boolean;
}

export function add(program: Command, cli: Cli): void {
  program
    .command("test")
    .description("Try a machine: measure it; switch it through everything; or ask as MAAS asks, and explain each step.")
    .argument("<name>", "a machine")
    .option("--full", "acceptance: off, on, did the right thing change, does it come back")
    .option("--as-maas", "replay MAAS's exact exchange against the configured url")
    .option("--act", "with --as-maas: also post an on")
    .option(
      "--token <token>",
      "with --as-maas: the token to use (or MAASOCHIST_TOKEN; default the one made on first start)",
    )
    .option("-y, --yes", "do not ask")
    .action(async (name: string, options: Options) => {
      const daemon = await cli.daemon();
      const machine = await daemon.query(name);
      cli.say(
        `${name} reads ${stateWord(cli, machine)}: ${machine.reading?.evidence.join(", ") || (machine.reading?.reason ?? "no evidence")}`,
      );
      if (options.asMaas) await asMaas(cli, daemon, { name, options });
      else if (options.full) await full(cli, daemon, { machine, yes: options.yes === true });
      else cli.data({ machine });
    });
}

async function asMaas(
  cli: Cli,
  daemon: Client,
  { name, options }: { readonly name: string; readonly options: Options },
): Promise<void> {
  const { replayAsMaas } = await import("../maas/webhook-exchange.ts");
  const { url } = await daemon.status();
  const token = options.token ?? cli.terminal.env["MAASOCHIST_TOKEN"] ?? (await generatedToken(cli));
  if (token === undefined)
    throw new CliError("which token does MAAS use?", {
      exitCode: EXIT.usage,
      code: "usage",
      hint: "Give it in MAASOCHIST_TOKEN, or with --token.",
    });
  cli.say(`As MAAS, against ${url}:`);
  const steps = [];
  for await (const step of replayAsMaas({
    url,
    machine: name,
    token,
    act: options.act === true,
    signal: AbortSignal.timeout(130_000),
  })) {
    steps.push(step);
    cli.say(`${step.ok ? cli.paint("green", "✔") : cli.paint("red", "✘")} ${step.what}\n    ${step.explanation}`);
  }
  cli.data({ steps });
  // The demonstration listens on loopback on purpose; that is advice, not a failure.
  if (steps.some((step, index) => !step.ok && index > 0)) cli.exitCode = EXIT.failed;
}

async function generatedToken(cli: Cli): Promise<string | undefined> {
  const { readFile } = await import("node:fs/promises");
  const { locateStore } = await import("./locate.ts");
  const { paths } = await locateStore(cli);
  return readFile(paths.token, "utf8").then(
    (text) => text.trim(),
    () => undefined,
  );
}

/** An acceptance run: each verb does what it says, on this machine and no other. */
async function full(
  cli: Cli,
  daemon: Client,
  { machine, yes }: { readonly machine: MachineShape; readonly yes: boolean },
): Promise<void> {
  const { name, verbs } = machine;
  if (!verbs.includes("off") || !verbs.includes("on"))
    throw new CliError(`${name} can ${verbs.join(", ") || "do nothing"}: an acceptance run needs on and off`, {
      exitCode: EXIT.usage,
      code: "unsupported",
    });
  await confirm(cli, { verb: "off", machines: [machine], soft: false, all: false, yes });
  const before = await states(daemon);
  const steps: { readonly step: string; readonly ok: boolean; readonly detail: string }[] = [];
  const report = (step: string, ok: boolean, detail: string) => {
    steps.push({ step, ok, detail });
    cli.say(`${ok ? cli.paint("green", "✔") : cli.paint("red", "✘")} ${step}: ${detail}`);
  };
  for (const verb of [...(machine.state === "off" ? ["on"] : []), "off", "on"] as Verb[]) {
    try {
      const order = await daemon.order({ machine: name, verb, wait: true, reason: "acceptance test" });
      report(
        verb,
        order.state === "done" && order.grade === "measured",
        `${order.state}, ${order.grade ?? "no proof"}: ${order.proof?.evidence.join(", ") ?? ""}`,
      );
    } catch (error) {
      report(verb, false, messageOf(error));
      break;
    }
  }
  const changed = [...(await states(daemon))].filter(([other, state]) => other !== name && before.get(other) !== state);
  report(
    "nothing else changed",
    changed.length === 0,
    changed.length === 0
      ? "all other machines read as before"
      : changed.map(([other, state]) => `${other} now reads ${state}`).join(", "),
  );
  if (machine.state === "off") {
    await daemon.order({ machine: name, verb: "off", wait: true, reason: "acceptance test: as it was before" });
    report("as before", true, "switched off again");
  }
  cli.data({ machine: name, steps });
  if (steps.some((step) => !step.ok)) cli.exitCode = EXIT.failed;
}

async function states(daemon: Client): Promise<Map<string, string>> {
  const machines = await daemon.machines();
  const measured = await Promise.all(machines.map(async ({ name }) => daemon.query(name).catch(() => undefined)));
  return new Map(machines.map(({ name, state }, index) => [name, measured[index]?.state ?? state]));
}
