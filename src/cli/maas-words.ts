/** How MAAS, its machines and what is to change there are said to people and programs. */
import type { PlanItem } from "../maas/plan.ts";
import { type Reach, reachWords } from "../maas/reach.ts";
import { WEBHOOK_FIELDS } from "../maas/webhook-parameters.ts";
import type { Cli } from "./context.ts";
import type { MaasScene } from "./maas-scene.ts";

/** `MAAS 3.6.2 at http://192.168.1.2:5240/MAAS as admin`. */
export function maasWords({ version, access, user }: MaasScene): string {
  return `MAAS ${version} at ${access.url} as ${user.username}`;
}

/** One line for every address of the daemon that these machines get, with what to do where that is not well. */
export function sayAddresses(cli: Cli, scene: MaasScene, items: readonly PlanItem[]): void {
  for (const reach of addressesOf(scene, items)) {
    const { said, next } = reachWords(reach);
    const mark = reach.kind === "polled" ? cli.paint("green", "✔") : cli.paint("yellow", "!");
    cli.say(`${mark} MAAS is to use ${reach.url} – ${said}`);
    if (next !== undefined) cli.say(`    ${next}`);
  }
}

function addressesOf({ reach }: MaasScene, items: readonly PlanItem[]): Reach[] {
  const used = items.flatMap((item) => (item.change.kind === "refused" ? [] : (item.reach ?? [])));
  const byUrl = new Map((used.length > 0 || !reach ? used : [reach]).map((each) => [each.url, each]));
  return [...byUrl.values()];
}

export function changeWords({ change, match }: PlanItem): string {
  switch (change.kind) {
    case "none":
      return "nothing: it is registered";
    case "create":
      return "is added, without being commissioned";
    case "refused":
      return match.kind === "ambiguous" ? `ambiguous: ${change.reason}` : change.reason;
    case "update":
      if (change.from === "webhook" && change.parameters.length < Object.keys(WEBHOOK_FIELDS).length)
        return `${change.parameters.join(", ")} changed`;
      return `power type ${change.from === "" ? "(none)" : change.from} → Webhook; ${Object.keys(WEBHOOK_FIELDS).length} parameters`;
    default:
      return change satisfies never;
  }
}

/** `sunny-mole k3hxa7`. */
export function machineWords({ match }: PlanItem): string {
  if (match.kind === "found") return `${match.machine.hostname} ${match.machine.system_id}`;
  return match.kind === "missing" ? "–" : `${match.machines.length} of them`;
}

const MATCH_WORDS = { system_id: "system_id", mac: "mac", hostname: "host name" } as const;

export function matchWords({ match }: PlanItem): string {
  return match.kind === "found" ? MATCH_WORDS[match.by] : match.kind === "missing" ? "no match" : "not clear";
}

/** For programs. */
export function itemData({ own, match, change, reach }: PlanItem): Record<string, unknown> {
  return {
    machine: own.name,
    match:
      match.kind === "found"
        ? {
            by: match.by,
            system_id: match.machine.system_id,
            hostname: match.machine.hostname,
            status: match.machine.status_name,
          }
        : null,
    change,
    ...(reach && {
      address: { url: reach.url, kind: reach.kind, ...(reach.subnet !== undefined && { subnet: reach.subnet }) },
    }),
  };
}

export function maasData({ version, access, user }: MaasScene): Record<string, unknown> {
  return { url: access.url, version, user: user.username };
}
