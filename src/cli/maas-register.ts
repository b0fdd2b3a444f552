/** `maas register`: plans, asks, and does it, a few machines at once. */
import { MaasError } from "../maas/maas-error.ts";
import type { PlanItem } from "../maas/plan.ts";
import { registerMachine } from "../maas/register.ts";
import { agree } from "./agree.ts";
import { atMost } from "./at-most.ts";
import { CliError, wrongUsage } from "./cli-error.ts";
import { ask } from "./confirm.ts";
import type { Cli } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { maasFailure, withMaas } from "./maas-access.ts";
import { planLines } from "./maas-plan.ts";
import { type MaasScene, openScene, selectOwn } from "./maas-scene.ts";
import { changeWords, itemData, maasData, maasWords, sayAddresses } from "./maas-words.ts";
import { number } from "./words.ts";

/** MAAS checks and stores each by itself; more at once are no faster. */
const AT_ONCE = 4;

export interface RegisterCommand {
  readonly names: readonly string[];
  readonly replace: boolean;
  readonly create: boolean;
  readonly rotate: boolean;
  readonly architecture: string | undefined;
  readonly yes: boolean;
}

interface Result {
  readonly item: PlanItem;
  readonly outcome: "registered" | "unchanged" | "refused" | "failed";
  readonly exitCode: number;
  readonly error?: { readonly code: string; readonly message: string; readonly hint?: string | undefined };
}

export function register(cli: Cli, command: RegisterCommand): Promise<void> {
  return withMaas(cli, async (signal) => {
    await using scene = await openScene(cli, signal);
    const items = await scene.plan(selectOwn(scene.own, command.names), command);
    const changes = items.filter(({ change }) => change.kind === "update" || change.kind === "create");
    cli.say(maasWords(scene));
    sayAddresses(cli, scene, items);
    const architecture = await architectureFor(cli, changes, command);
    if (changes.length > 0 && !command.yes) {
      if (cli.terminal.interactive && !cli.json)
        for (const line of planLines(cli, items)) cli.terminal.err(`${line}\n`);
      await agree(cli, { question: `Change ${number(changes.length, "machine")} in MAAS?`, yes: command.yes });
    }
    if (changes.length > 0) cli.note(`Registering ${number(changes.length, "machine")}…`);
    const results = await atMost(AT_ONCE, items, once(cli, scene, { architecture, signal }));
    tell(cli, scene, results);
    signal.throwIfAborted();
  });
}

/** What the new machines are; asked for, since MAAS cannot know. Undefined where there are none. */
async function architectureFor(
  cli: Cli,
  changes: readonly PlanItem[],
  { architecture, yes }: RegisterCommand,
): Promise<string | undefined> {
  const created = changes.filter(({ change }) => change.kind === "create");
  if (created.length === 0 || architecture !== undefined) return architecture;
  const names = created.map(({ own }) => own.name).join(", ");
  if (yes || cli.json || !cli.terminal.interactive)
    throw wrongUsage(
      `what architecture do the new machines have (${names})?`,
      "Add --architecture, such as amd64/generic.",
    );
  const answer = (await ask(cli, `Architecture of ${names}, such as amd64/generic: `)).trim();
  if (answer === "") throw new CliError("cancelled; nothing was done", { exitCode: EXIT.usage, code: "cancelled" });
  return answer;
}

interface Doing {
  readonly architecture: string | undefined;
  readonly signal: AbortSignal;
}

/** Registers one after the other; when MAAS is gone for good, nothing more is tried. */
function once(
  cli: Cli,
  { client, tokens }: MaasScene,
  { architecture, signal }: Doing,
): (item: PlanItem) => Promise<Result> {
  let gone: MaasError | undefined;
  return async (item) => {
    const { name } = item.own;
    const { change } = item;
    if (change.kind === "refused") return refusal(cli, item);
    try {
      signal.throwIfAborted();
      if (gone) throw gone;
      const taken = await registerMachine(item, { client, tokens, architecture, signal });
      if (!taken) return { item, outcome: "unchanged", exitCode: EXIT.ok };
      cli.say(`${cli.paint("green", "✔")} ${name} → ${taken.hostname} (${taken.system_id}): ${changeWords(item)}`);
      return { item, outcome: "registered", exitCode: EXIT.ok };
    } catch (error) {
      if (error instanceof MaasError && error.code === "unreachable") gone = error;
      if (signal.aborted) return { item, outcome: "failed", exitCode: EXIT.interrupted };
      const failure = maasFailure(error);
      const { message, hint, code, exitCode } =
        failure instanceof CliError
          ? failure
          : new CliError(failure instanceof Error ? failure.message : String(failure));
      cli.say(`${cli.paint("red", "✘")} ${name} ${message}`);
      if (hint !== undefined) cli.say(`  └ ${hint}`);
      return { item, outcome: "failed", exitCode, error: { code, message, hint } };
    }
  };
}

function refusal(cli: Cli, item: PlanItem): Result {
  const { change, own } = item;
  if (change.kind !== "refused") throw new TypeError(`${own.name} is not refused`);
  const { code, reason: message, hint } = change;
  cli.say(`${cli.paint("yellow", "!")} ${own.name} is left alone: ${changeWords(item)}`);
  cli.say(`  └ ${hint}`);
  const exitCode = code === "locked" || code === "disabled" ? EXIT.denied : EXIT.failed;
  return { item, outcome: "refused", exitCode, error: { code, message, hint } };
}

function tell(cli: Cli, scene: MaasScene, results: readonly Result[]): void {
  cli.data({
    maas: maasData(scene),
    machines: results.map(({ item, outcome, error }) => ({ ...itemData(item), outcome, ...(error && { error }) })),
  });
  const count = (outcome: Result["outcome"]) => results.filter((result) => result.outcome === outcome).length;
  const parts = [
    `${count("registered")} registered`,
    `${count("unchanged")} as before`,
    ...(count("refused") > 0 ? [`${count("refused")} left alone`] : []),
    ...(count("failed") > 0 ? [`${count("failed")} failed`] : []),
  ];
  cli.say(`${parts.join(", ")}.`);
  if (count("registered") > 0) cli.note(`Let MAAS try it: ${cli.calledAs} maas verify`);
  const bad = results.filter(({ exitCode }) => exitCode !== EXIT.ok);
  const [first] = bad;
  if (first) cli.exitCode = results.length === 1 ? first.exitCode : EXIT.someFailed;
}
