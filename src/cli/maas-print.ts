/** `maas print`: what to enter in MAAS by hand, without asking MAAS anything. */

import { ownMachines } from "../app/own-machines.ts";
import type { OwnMachine } from "../maas/match.ts";
import { reaches, reachFor, reachWords } from "../maas/reach.ts";
import { WEBHOOK_FIELDS, type WebhookParameters, webhookParameters } from "../maas/webhook-parameters.ts";
import { CliError } from "./cli-error.ts";
import type { Cli } from "./context.ts";
import { change, openCredentials } from "./credentials.ts";
import { EXIT } from "./exit-codes.ts";
import { loadValid } from "./load.ts";
import type { Format } from "./maas-formats.ts";
import { machineTokens } from "./maas-tokens.ts";
import { daemonUrls } from "./maas-urls.ts";
import { unknownMachine } from "./select.ts";

export interface PrintCommand {
  readonly name: string;
  readonly format: Format;
  /** Make a token, and show it. */
  readonly token: boolean;
}

const NO_TOKEN = "TOKEN";

export async function print(cli: Cli, { name, format, token: makesToken }: PrintCommand): Promise<void> {
  const configuration = await loadValid(cli);
  const own = ownMachines(configuration);
  const machine = own.find((known) => known.name === name);
  if (!machine)
    throw unknownMachine(
      name,
      own.map((known) => known.name),
    );
  const urls = await daemonUrls(cli, configuration);
  const reach = reachFor(reaches(urls, { racks: [], subnets: [] }));
  if (!reach)
    throw new CliError("it is not known where MAAS finds the daemon", {
      exitCode: EXIT.config,
      code: "config",
      hint: "Set `server.url` to an address in a rack controller's subnet, such as http://192.168.1.10:6227.",
    });
  const token = makesToken ? await newTokenFor(cli, name) : NO_TOKEN;
  const parameters = webhookParameters(reach.url, name, token);
  if (cli.json || format === "json") {
    const data = { machine: name, power_type: "webhook", power_parameters: parameters };
    if (cli.json) cli.data(data);
    else cli.say(JSON.stringify(data, undefined, 2));
  } else for (const line of WRITERS[format](parameters, machine)) cli.say(line);
  if (!makesToken)
    cli.note(
      `In place of ${NO_TOKEN} goes a token: ${cli.calledAs} maas print ${name} --token makes one. Of others only hashes are kept.`,
    );
  if (reach.kind === "loopback" || reach.kind === "name") {
    const { said, next } = reachWords(reach);
    cli.note(`${reach.url} is ${said}. ${next ?? ""}`.trimEnd());
  }
}

/** The machine's other tokens go on to count, until `maas register` finds out which one MAAS has. */
async function newTokenFor(cli: Cli, machine: string): Promise<string> {
  const tokens = machineTokens(await openCredentials(cli));
  return change(() => tokens.add(machine));
}

const WRITERS: Readonly<
  Record<Exclude<Format, "json">, (parameters: WebhookParameters, machine: OwnMachine) => string[]>
> = { form, cli: commandLine, terraform };

function form(parameters: WebhookParameters): string[] {
  const values: Readonly<Record<string, string>> = { ...parameters, power_verify_ssl: "No" };
  const rows: (readonly [string, string])[] = [
    ["Power type", "Webhook"],
    ...Object.entries(WEBHOOK_FIELDS).map(([name, label]) => [label, values[name] || "(empty)"] as const),
  ];
  const width = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, value]) => `${label.padEnd(width)}  ${value}`);
}

function commandLine(parameters: WebhookParameters, { systemId = "$SYSTEM_ID" }: OwnMachine): string[] {
  const pairs = Object.entries(parameters).map(([name, value]) => `  power_parameters_${name}=${shellWord(value)}`);
  return [`maas $PROFILE machine update ${systemId} power_type=webhook \\`, pairs.join(" \\\n")];
}

function shellWord(text: string): string {
  return /^[\w./:[\]-]*$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** As the provider canonical/maas takes it. */
function terraform(parameters: WebhookParameters, { name, mac, hostname = name }: OwnMachine): string[] {
  const width = Math.max(...Object.keys(parameters).map((key) => key.length));
  return [
    `resource "maas_machine" ${JSON.stringify(name.replaceAll(".", "_"))} {`,
    `  hostname        = ${hcl(hostname)}`,
    `  pxe_mac_address = ${hcl(mac ?? "MAC_ADDRESS")}`,
    '  power_type      = "webhook"',
    "  power_parameters = jsonencode({",
    ...Object.entries(parameters).map(([key, value]) => `    ${key.padEnd(width)} = ${hcl(value)}`),
    "  })",
    "}",
  ];
}

function hcl(text: string): string {
  return JSON.stringify(text).replaceAll("${", "$${").replaceAll("%{", "%%{");
}
