/** `maas unregister`: MAAS lets go of machines, and their tokens count no more. */

import type { OwnMachine } from "../maas/match.ts";
import { type Unregistered, unregisterMachine } from "../maas/register.ts";
import { matchesPattern } from "../power/names.ts";
import { agree } from "./agree.ts";
import { CliError } from "./cli-error.ts";
import type { Cli } from "./context.ts";
import { change } from "./credentials.ts";
import { EXIT } from "./exit-codes.ts";
import { maasFailure, withMaas } from "./maas-access.ts";
import { type MaasScene, openScene } from "./maas-scene.ts";
import { maasData } from "./maas-words.ts";
import { unknownMachine } from "./select.ts";
import { number } from "./words.ts";

export interface UnregisterCommand {
  readonly names: readonly string[];
  readonly yes: boolean;
}

const WORDS: Readonly<Record<Unregistered, string>> = {
  unregistered: "is powered by hand only (power type Manual); its token counts no more",
  absent: "is not in MAAS; its token, if it had one, counts no more",
  foreign: "is powered by MAAS in another way, which stays; its token, if it had one, counts no more",
};

export function unregister(cli: Cli, { names, yes }: UnregisterCommand): Promise<void> {
  return withMaas(cli, async (signal) => {
    await using scene = await openScene(cli, signal);
    const items = await scene.plan(meant(scene, names));
    await agree(cli, { question: `Let MAAS no longer switch ${number(items.length, "machine")}?`, yes });
    const { client, tokens } = scene;
    const results = [];
    const exitCodes: number[] = [];
    for (const item of items) {
      const { name } = item.own;
      try {
        const outcome = await change(() => unregisterMachine(item, { client, tokens, signal }).catch(failed));
        cli.say(`${cli.paint("green", "✔")} ${name} ${WORDS[outcome]}`);
        results.push({ machine: name, outcome });
      } catch (error) {
        if (!(error instanceof CliError) || signal.aborted) throw error;
        const { message, hint, code, exitCode } = error;
        cli.say(`${cli.paint("red", "✘")} ${name} ${message}`);
        if (hint !== undefined) cli.say(`  └ ${hint}`);
        results.push({ machine: name, outcome: "failed", error: { code, message, hint } });
        exitCodes.push(exitCode);
      }
    }
    cli.data({ maas: maasData(scene), machines: results });
    const [first] = exitCodes;
    if (first !== undefined) cli.exitCode = items.length === 1 ? first : EXIT.someFailed;
  });
}

function failed(error: unknown): never {
  throw maasFailure(error);
}

/** Machines of the configuration; and what has a token though it is no longer in there, by its name alone. */
function meant({ own, tokens }: MaasScene, names: readonly string[]): OwnMachine[] {
  return names.flatMap((name) => {
    const found = own.filter((machine) => matchesPattern(name, machine.name));
    if (found.length > 0) return found.map((machine) => ({ ...machine, enabled: true }));
    if (tokens.hashes(name).length > 0) return [{ name, enabled: true }];
    throw unknownMachine(
      name,
      own.map((machine) => machine.name),
    );
  });
}
