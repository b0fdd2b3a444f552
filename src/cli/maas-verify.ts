/** `maas verify`: MAAS itself asks each machine, and its answer is compared with the daemon's own reading. */
import type { PlanItem } from "../maas/plan.ts";
import { type OwnView, type Verified, verifyMachine } from "../maas/verify.ts";
import { atMost } from "./at-most.ts";
import { CliError } from "./cli-error.ts";
import type { Client } from "./client.ts";
import type { Cli } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { withMaas } from "./maas-access.ts";
import { openScene, selectOwn } from "./maas-scene.ts";
import { maasData, maasWords } from "./maas-words.ts";
import { measured } from "./status.ts";
import { number } from "./words.ts";

/** MAAS asks machines for people at most so many at once here; each may take it a minute. */
const AT_ONCE = 4;
const STATE_WORDS = { on: "On", off: "Off", unknown: "Unknown", error: "Error" } as const;

export function verify(cli: Cli, { names }: { readonly names: readonly string[] }): Promise<void> {
  return withMaas(cli, async (signal) => {
    const daemon = await cli.daemon();
    await using scene = await openScene(cli, signal);
    const items = await scene.plan(selectOwn(scene.own, names));
    const asked = items.filter((item) => names.length > 0 || isRegistered(item));
    cli.say(maasWords(scene));
    if (asked.length === 0)
      throw new CliError("no machine is registered in MAAS", {
        code: "not_registered",
        hint: "See what there is to do with `maasochist maas plan`, and do it with `maasochist maas register`.",
      });
    cli.note(`MAAS asks ${number(asked.length, "machine")}; each may take it a minute…`);
    const look = (machine: string) => viewOf(daemon, machine);
    const options = { client: scene.client, look, now: Date.now, signal };
    const results = await atMost(AT_ONCE, asked, async (item) => {
      const verified = await verifyMachine(item, options);
      tell(cli, verified);
      return verified;
    });
    cli.data({ maas: maasData(scene), machines: results });
    const good = results.filter(({ ok }) => ok).length;
    cli.say(`MAAS switches ${good} of ${number(results.length, "machine")} through this daemon.`);
    const others = items.length - asked.length;
    if (others > 0) cli.note(`${number(others, "machine")} not registered: ${cli.calledAs} maas plan`);
    if (good < results.length) cli.exitCode = results.length === 1 ? EXIT.failed : EXIT.someFailed;
  });
}

/** Does MAAS use webhooks of this daemon for it, right or wrong? */
function isRegistered({ change }: PlanItem): boolean {
  return change.kind === "none" || (change.kind === "update" && change.from === "webhook");
}

async function viewOf(daemon: Client, machine: string): Promise<OwnView> {
  const { state, error, polled, refused } = await measured(daemon, machine);
  return { state, ...(error && { error }), ...(polled && { polled }), ...(refused && { refused }) };
}

function tell(cli: Cli, { machine, ok, maas, own, cause, next }: Verified): void {
  if (ok && maas) {
    cli.say(`${cli.paint("green", "✔")} ${machine} ${STATE_WORDS[maas]} in MAAS, and here`);
  } else {
    const seen = maas && own ? ` ${STATE_WORDS[maas]} in MAAS, ${STATE_WORDS[own]} here` : "";
    cli.say(`${cli.paint("red", "✘")} ${machine}${seen}: ${cause ?? "no cause was found"}`);
  }
  if (next !== undefined) cli.say(`  └ ${next}`);
}
