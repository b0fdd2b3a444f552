/** `test NAME --full`, an acceptance run: each verb does what it says, to this machine and to no other. */
import type { MachineShape } from "../http/shapes.ts";
import type { Verb } from "../power/driver.ts";
import { messageOf } from "../power/errors.ts";
import { atMost, MOST_AT_ONCE } from "./at-most.ts";
import { CliError } from "./cli-error.ts";
import type { Client } from "./client.ts";
import { confirm } from "./confirm.ts";
import type { Cli } from "./context.ts";
import { EXIT } from "./exit-codes.ts";

interface Trial {
  readonly machine: MachineShape;
  readonly yes: boolean;
}

interface Step {
  readonly step: string;
  readonly ok: boolean;
  readonly detail: string;
}

export async function acceptanceRun(cli: Cli, daemon: Client, { machine, yes }: Trial): Promise<void> {
  const { name, verbs } = machine;
  if (!verbs.includes("off") || !verbs.includes("on"))
    throw new CliError(`${name} can ${verbs.join(", ") || "do nothing"}: an acceptance run needs on and off`, {
      exitCode: EXIT.usage,
      code: "unsupported",
    });
  await confirm(cli, { verb: "off", machines: [machine], soft: false, all: false, yes });
  const before = await states(daemon);
  const wasOff = machine.state === "off";
  const steps: Step[] = [];
  const report = (step: Step) => {
    steps.push(step);
    cli.say(`${step.ok ? cli.paint("green", "✔") : cli.paint("red", "✘")} ${step.step}: ${step.detail}`);
  };
  const verbsToTry: readonly Verb[] = wasOff ? ["on", "off", "on"] : ["off", "on"];
  for (const verb of verbsToTry) {
    const step = await tried(daemon, { machine: name, verb, reason: "acceptance test" });
    report(step);
    if (!step.ok) break;
  }
  const after = await states(daemon);
  const changed = [...after].filter(([other, state]) => other !== name && before.get(other) !== state);
  report({
    step: "nothing else changed",
    ok: changed.length === 0,
    detail:
      changed.length === 0
        ? "all other machines read as before"
        : changed.map(([other, state]) => `${other} now reads ${state}`).join(", "),
  });
  if (wasOff && after.get(name) !== "off") {
    const last = await tried(daemon, { machine: name, verb: "off", reason: "acceptance test: as it was before" });
    report({ ...last, step: "off, as it was before" });
  }
  const passed = steps.every((step) => step.ok);
  cli.data({ machine: name, passed, steps });
  if (!passed) cli.exitCode = EXIT.failed;
}

interface Trying {
  readonly machine: string;
  readonly verb: Verb;
  readonly reason: string;
}

async function tried(daemon: Client, trying: Trying): Promise<Step> {
  const { verb: step } = trying;
  try {
    const { state, grade, proof } = await daemon.order({ ...trying, wait: true });
    const evidence = proof?.evidence.join(", ");
    const detail = `${state}, ${grade ?? "not proven"}${evidence === undefined ? "" : `: ${evidence}`}`;
    return { step, ok: state === "done" && grade === "measured", detail };
  } catch (error) {
    return { step, ok: false, detail: messageOf(error) };
  }
}

async function states(daemon: Client): Promise<Map<string, string>> {
  const machines = await daemon.machines();
  const measured = await atMost(MOST_AT_ONCE, machines, async ({ name }) => daemon.query(name).catch(() => undefined));
  return new Map(machines.map(({ name, state }, index) => [name, measured[index]?.state ?? state]));
}
