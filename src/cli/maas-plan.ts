/** `maas plan`, and the table that `maas register` shows before it asks. */
import type { PlanItem } from "../maas/plan.ts";
import type { Cli } from "./context.ts";
import { withMaas } from "./maas-access.ts";
import { openScene, selectOwn } from "./maas-scene.ts";
import { changeWords, itemData, maasData, maasWords, machineWords, matchWords, sayAddresses } from "./maas-words.ts";

const HEADER = ["MACHINE", "MATCH", "MAAS MACHINE", "STATUS", "CHANGE"];
/** What a narrow terminal does without: how it was found, its status. */
const LEAVE_OUT = [1, 3];

export interface PlanCommand {
  readonly names: readonly string[];
  readonly replace: boolean;
  readonly create: boolean;
}

export function plan(cli: Cli, { names, replace, create }: PlanCommand): Promise<void> {
  return withMaas(cli, async (signal) => {
    await using scene = await openScene(cli, signal);
    const items = await scene.plan(selectOwn(scene.own, names), { replace, create });
    cli.data({ maas: maasData(scene), machines: items.map(itemData) });
    cli.say(maasWords(scene));
    sayAddresses(cli, scene, items);
    for (const line of planLines(cli, items)) cli.say(line);
    const changes = items.filter(({ change }) => change.kind === "update" || change.kind === "create").length;
    cli.say(
      changes === 0
        ? "There is nothing to change."
        : `Nothing was changed. Apply it with: ${cli.calledAs} maas register`,
    );
  });
}

/** The table, with what to do below machines that are left alone. */
export function planLines(cli: Cli, items: readonly PlanItem[]): string[] {
  const rows = items.map((item) => [
    item.own.name,
    matchWords(item),
    machineWords(item),
    item.match.kind === "found" ? item.match.machine.status_name : "–",
    changeWords(item),
  ]);
  const [head = "", ...lines] = cli.table([HEADER, ...rows], LEAVE_OUT);
  return [
    cli.paint("bold", head),
    ...lines.flatMap((line, index) => {
      const change = items[index]?.change;
      return change?.kind === "refused" ? [line, `  └ ${change.hint}`] : [line];
    }),
  ];
}
