/** `test NAME --as-maas`. */
import type { MachineShape } from "../http/shapes.ts";
import type { ReplayStep } from "../maas/webhook-exchange.ts";
import type { Client } from "./client.ts";
import type { Cli } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { maasToken } from "./maas-token.ts";

/** Seven rounds in which a webhook is held to the utmost, and then some (ms). */
const LONGEST_MS = 30 * 60_000;

interface Trial {
  readonly machine: MachineShape;
  /** Also switch it on. */
  readonly act: boolean;
}

export async function testAsMaas(cli: Cli, daemon: Client, { machine, act }: Trial): Promise<void> {
  const { replayAsMaas } = await import("../maas/webhook-exchange.ts");
  const { url } = await daemon.status();
  const token = await maasToken(cli, machine.name);
  const marks = {
    ok: cli.paint("green", "✔"),
    advice: cli.paint("yellow", "!"),
    failed: cli.paint("red", "✘"),
  };
  cli.say(`As MAAS, against ${url}:`);
  const steps: ReplayStep[] = [];
  const replay = replayAsMaas({ url, machine: machine.name, token, act, signal: AbortSignal.timeout(LONGEST_MS) });
  for await (const step of replay) {
    steps.push(step);
    cli.say(`${marks[step.outcome]} ${step.what}\n    ${step.explanation}`);
  }
  const passed = steps.at(-1)?.outcome !== "failed";
  cli.data({ machine: machine.name, passed, steps });
  cli.say(passed ? `MAAS can switch ${machine.name} here.` : `MAAS cannot switch ${machine.name} like this.`);
  if (!passed) cli.exitCode = EXIT.failed;
}
