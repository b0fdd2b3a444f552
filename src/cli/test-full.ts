/** `test NAME --full`, an acceptance run: each verb does what it says, to this machine and to no other. */
import { setTimeout as pause } from "node:timers/promises";
import type { MachineShape } from "../http/shapes.ts";
import type { Verb } from "../power/driver.ts";
import { messageOf } from "../power/errors.ts";
import { atMost, MOST_AT_ONCE } from "./at-most.ts";
import { CliError } from "./cli-error.ts";
import type { Client } from "./client.ts";
import { confirm } from "./confirm.ts";
import type { Cli } from "./context.ts";
import { EXIT } from "./exit-codes.ts";

/** A reading younger than a machine's `fresh` is answered again: so long (ms) a newer one is asked for, so often (ms). */
const FRESH_WITHIN_MS = 10_000;
const LOOK_AGAIN_MS = 200;

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
  const before = await states(daemon, 0);
  const wasOff = machine.state === "off";
  const steps: Step[] = [];
  const report = (step: Step) => {
    steps.push(step);
    cli.say(`${step.ok ? cli.paint("green", "✔") : cli.paint("red", "✘")} ${step.step}: ${step.detail}`);
  };
  // Looked for behind every step: what hangs on the same outlet goes off with it, and comes back with it.
  const changed = new Map<string, string>();
  const verbsToTry: readonly Verb[] = wasOff ? ["on", "off", "on"] : ["off", "on"];
  for (const verb of verbsToTry) {
    const step = await tried(daemon, { machine: name, verb, reason: "acceptance test" });
    report(step);
    for (const [other, state] of await states(daemon, Date.now()))
      if (other !== name && before.get(other) !== state) changed.set(other, `${other} read ${state} after ${verb}`);
    if (!step.ok) break;
  }
  report({
    step: "nothing else changed",
    ok: changed.size === 0,
    detail: changed.size === 0 ? "all other machines read as before" : [...changed.values()].join(", "),
  });
  if (wasOff && (await daemon.machine(name)).state !== "off") {
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

/** What each machine reads, by readings that began after this time (ms since 1970); `error` where one cannot be read. */
async function states(daemon: Client, since: number): Promise<Map<string, string>> {
  const names = (await daemon.machines()).map(({ name }) => name);
  const read = await atMost(
    MOST_AT_ONCE,
    names,
    async (name): Promise<[string, string]> => [name, await stateSince(daemon, name, since)],
  );
  return new Map(read);
}

async function stateSince(daemon: Client, name: string, since: number): Promise<string> {
  const deadline = Date.now() + FRESH_WITHIN_MS;
  for (;;) {
    const machine = await daemon.query(name).catch(() => undefined);
    if (machine?.reading === undefined) return "error";
    if (machine.reading.startedAt >= since || Date.now() > deadline) return machine.state;
    await pause(LOOK_AGAIN_MS);
  }
}
