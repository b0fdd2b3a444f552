/** `doctor` on our machines in MAAS: are they there, and do their power parameters lead here and let MAAS in? */
import { ownMachines } from "../app/own-machines.ts";
import { type Match, matches, type OwnMachine } from "../maas/match.ts";
import type { Network } from "../maas/reach.ts";
import type { MaasMachine, PowerParameters } from "../maas/shapes.ts";
import { isOurs } from "../maas/webhook-parameters.ts";
import { atMost } from "./at-most.ts";
import { someOf } from "./examine-daemon.ts";
import type { MaasExamination } from "./examine-maas.ts";
import { parameterFindings } from "./examine-parameters.ts";
import { refusalAt } from "./examine-tls.ts";
import { type Finding, finding } from "./findings.ts";
import { number } from "./words.ts";

/** Machines whose parameters are asked for at once. */
const AT_ONCE = 4;
/** Of machines that are not ours so many are looked into. */
const MOST_FOREIGN = 200;
/** Power types by which MAAS switches nothing. */
const POWERLESS: readonly string[] = ["", "manual"];

export interface MachinesExamination extends MaasExamination {
  readonly network: Network;
}

interface Known {
  readonly own: OwnMachine;
  readonly machine: MaasMachine;
  readonly kept: PowerParameters;
}

export async function* examineMaasMachines(examination: MachinesExamination): AsyncGenerator<Finding> {
  const { client, configuration, urls, rules, network } = examination;
  const own = ownMachines(configuration).filter(({ enabled }) => enabled);
  const all = await client.machines();
  const matched = matches(own, all);
  const webhooks: { readonly own: OwnMachine; readonly machine: MaasMachine }[] = [];
  for (const machine of own) {
    const match = matched.get(machine.name);
    if (match?.kind !== "found") yield* unmatched(machine, match);
    else if (match.machine.power_type === "webhook") webhooks.push({ own: machine, machine: match.machine });
    else yield otherwise(machine, match.machine);
  }
  const known: Known[] = await atMost(AT_ONCE, webhooks, async (pair) => ({
    ...pair,
    kept: await client.powerParameters(pair.machine.system_id),
  }));
  const amiss = new Set<string>();
  for (const { own: machine, machine: node, kept } of known) {
    const findings = parameterFindings(kept, { machine: machine.name, urls, rules, racks: network.racks });
    if (node.status_name === "Broken")
      findings.push(finding("maas-broken", { node: nodeWords(node), machine: machine.name }));
    if (findings.length > 0) amiss.add(machine.name);
    yield* findings;
  }
  yield* refusedCertificates(known, examination);
  const ours = new Set(known.map(({ machine }) => machine.system_id));
  yield* orphans(
    all.filter(({ system_id: id, power_type: type }) => type === "webhook" && !ours.has(id)),
    examination,
  );
  const well = known.length - amiss.size;
  if (well > 0)
    yield finding("maas-machines", { machines: `${well} of ${number(configuration.machines.length, "machine")}` });
}

function* unmatched({ name: machine }: OwnMachine, match: Match | undefined): Generator<Finding> {
  if (match?.kind === "missing") yield finding("maas-missing", { machine, reason: match.reason });
  if (match?.kind === "ambiguous") yield finding("maas-ambiguous", { machine, reason: match.reason });
}

function otherwise({ name: machine }: OwnMachine, node: MaasMachine): Finding {
  const type = node.power_type ?? "";
  return POWERLESS.includes(type)
    ? finding("maas-uncontrolled", { node: nodeWords(node), machine })
    : finding("maas-other-type", { node: nodeWords(node), machine, type });
}

/** Machines of MAAS that come here under names that nobody has. */
async function* orphans(machines: readonly MaasMachine[], examination: MachinesExamination): AsyncGenerator<Finding> {
  const { client, configuration, urls } = examination;
  const names = new Set(configuration.machines.map(({ facts }) => facts.name));
  const looked = await atMost(AT_ONCE, machines.slice(0, MOST_FOREIGN), async (machine) => ({
    machine,
    kept: await client.powerParameters(machine.system_id),
  }));
  for (const { machine, kept } of looked) {
    const uri = kept["power_on_uri"] ?? "";
    const base = urls.find((url) => uri.startsWith(`${url}/maas/`));
    if (base === undefined || !isOurs(kept)) continue;
    const [name = ""] = uri.slice(`${base}/maas/`.length).split("/", 1);
    if (!names.has(name)) yield finding("maas-orphan", { node: nodeWords(machine), uri });
  }
}

/** Where MAAS is to verify certificates, it refuses those that this system does not trust. */
async function* refusedCertificates(known: readonly Known[], { env }: MachinesExamination): AsyncGenerator<Finding> {
  const byOrigin = new Map<string, string[]>();
  for (const { own, kept } of known) {
    const uri = kept["power_on_uri"] ?? "";
    if (kept["power_verify_ssl"] !== "y" || !uri.startsWith("https:") || !URL.canParse(uri)) continue;
    const { origin } = new URL(uri);
    byOrigin.set(origin, [...(byOrigin.get(origin) ?? []), own.name]);
  }
  for (const [url, machines] of byOrigin) {
    const why = await refusalAt(url, env);
    if (why !== undefined) yield finding("tls-refused", { url, machines: someOf(machines), why });
  }
}

function nodeWords({ hostname, system_id: id }: MaasMachine): string {
  return `${hostname} (${id})`;
}
