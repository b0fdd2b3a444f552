/** `maas status`: what is known of MAAS, and how it knows the machines. */

import type { MachineShape } from "../http/shapes.ts";
import type { PlanItem } from "../maas/plan.ts";
import { skewWords } from "../maas/refusal.ts";
import type { Cli } from "./context.ts";
import { withMaas } from "./maas-access.ts";
import { type MaasScene, openScene } from "./maas-scene.ts";
import { itemData, maasData, maasWords, machineWords, sayAddresses } from "./maas-words.ts";
import { ago } from "./table.ts";

const HEADER = ["MACHINE", "MAAS MACHINE", "STATUS", "POWER IN MAAS", "REGISTERED", "LAST ASKED"];
/** What a narrow terminal does without: the status, when it asked. */
const LEAVE_OUT = [2, 5];
/** Less of a difference is what a network does (ms). */
const NOTABLE_SKEW_MS = 5_000;

export function status(cli: Cli): Promise<void> {
  return withMaas(cli, async (signal) => {
    await using scene = await openScene(cli, signal);
    const items = await scene.plan(scene.own);
    const shapes = await cli.daemon().then(
      (daemon) => daemon.machines(),
      (): readonly MachineShape[] => [],
    );
    const polled = new Map(shapes.map(({ name, polled }) => [name, polled?.at]));
    cli.data({
      maas: {
        ...maasData(scene),
        clock_ahead_ms: Math.round(scene.client.skewMs ?? 0),
        key_from: scene.access.from,
        racks: scene.network.racks.map(({ hostname, ip_addresses: addresses }) => ({ hostname, addresses })),
      },
      machines: items.map((item) => ({ ...itemData(item), last_asked: polled.get(item.own.name) ?? null })),
    });
    sayMaas(cli, scene);
    sayAddresses(cli, scene, items);
    if (items.length === 0) return;
    const rows = items.map((item) => [
      item.own.name,
      machineWords(item),
      item.match.kind === "found" ? item.match.machine.status_name : "–",
      item.match.kind === "found" ? powerWords(item.match.machine) : "–",
      registeredWords(item),
      polled.get(item.own.name) === undefined ? "–" : ago(polled.get(item.own.name)),
    ]);
    const [head = "", ...lines] = cli.table([HEADER, ...rows], LEAVE_OUT);
    cli.say(cli.paint("bold", head));
    for (const line of lines) cli.say(line);
  });
}

function sayMaas(cli: Cli, scene: MaasScene): void {
  const { access, client, network } = scene;
  const skew = client.skewMs ?? 0;
  cli.say(maasWords(scene));
  cli.say(`The key is from ${access.from}.`);
  if (Math.abs(skew) > NOTABLE_SKEW_MS)
    cli.say(`${cli.paint("yellow", "!")} ${skewWords(skew)}; at 300 s it refuses the key.`);
  const racks = network.racks.map(({ hostname, ip_addresses: addresses }) => `${hostname} (${addresses.join(", ")})`);
  cli.say(
    racks.length > 0 ? `Rack controllers: ${racks.join("; ")}` : "There is no rack controller: MAAS switches nothing.",
  );
}

function powerWords({
  power_type: type,
  power_state: state,
}: {
  power_type?: string | null | undefined;
  power_state: string;
}): string {
  const word = state.charAt(0).toUpperCase() + state.slice(1);
  return type ? `${word} (${type})` : "no power type";
}

function registeredWords({ change }: PlanItem): string {
  switch (change.kind) {
    case "none":
      return "yes";
    case "update":
      return change.from === "webhook" ? `other settings: ${change.parameters.join(", ")}` : "no";
    case "create":
      return "no";
    case "refused":
      return `no: ${change.reason}`;
    default:
      return change satisfies never;
  }
}
