/** How states, orders and failures are said to people. */
import type { MachineShape } from "../http/shapes.ts";
import type { OrderRecord } from "../power/order.ts";
import type { Cli } from "./context.ts";
import { ago } from "./table.ts";

/** MAAS is asked every minute; what is older than this is told with its age (ms). */
const OLD_STATUS_MS = 180_000;

const VERB_WORDS = { on: "Power on", off: "Power off", cycle: "Power cycle", reset: "Reset" } as const;

export function stateWord(cli: Cli, machine: MachineShape): string {
  const { order } = machine;
  if (machine.lock && !order) return `${plainState(cli, machine)} (locked)`;
  if (order?.waitingFor !== undefined) return cli.paint("yellow", `Waiting for ${order.waitingFor}`);
  if (order)
    return cli.paint(
      "yellow",
      `${order.verb === "off" ? "Powering off…" : order.verb === "on" ? "Powering on…" : "Restarting…"}`,
    );
  return plainState(cli, machine);
}

function plainState(cli: Cli, { state, reading }: MachineShape): string {
  const assumed =
    state !== "unknown" && state !== "error" && reading && reading.confidence !== "measured"
      ? ` (${reading.confidence})`
      : "";
  switch (state) {
    case "on":
      return cli.paint("green", "On") + assumed;
    case "off":
      return `Off${assumed}`;
    case "error":
      return cli.paint("red", "Error");
    case "unknown":
      return cli.paint("yellow", "Unknown");
    default:
      return state satisfies never;
  }
}

/** `Power on by maas for bob (starting deployment)`, and what became of it where it is not done. */
export function orderWords(order: OrderRecord): string {
  const outcome = {
    waiting: ", waiting",
    running: ", under way",
    done: "",
    failed: ", failed",
    superseded: ", superseded",
    cut_short: ", cut short",
  }[order.state];
  return `${VERB_WORDS[order.verb]} by ${order.actor.name}${behindWords(order)}${outcome}`;
}

/** ` for bob (releasing node)`, where MAAS tells who let it. */
export function behindWords({ behind }: Pick<OrderRecord, "behind">): string {
  return behind ? ` for ${behind.user} (${behind.event})` : "";
}

/** `Deployed`; undefined where MAAS has not told it. */
export function maasStatus({ maas }: MachineShape): string | undefined {
  if (!maas) return undefined;
  return Date.now() - maas.at > OLD_STATUS_MS ? `${maas.status} ${ago(maas.at)}` : maas.status;
}

export function gradeWords(order: OrderRecord): string {
  const evidence = order.proof?.evidence.join(", ");
  const proof = evidence === undefined || evidence === "" ? "" : `: ${evidence}`;
  return `${order.grade ?? order.state}${proof}`;
}

export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

/** `1 machine`, `2 machines`. */
export function number(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}
