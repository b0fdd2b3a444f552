import type { Command } from "commander";
import type { DriverFacts, SettingFacts } from "../config/driver-facts.ts";
import { notFound } from "./cli-error.ts";
import type { Cli } from "./context.ts";
import { load } from "./load.ts";
import { didYouMean } from "./select.ts";

export function add(program: Command, cli: Cli): void {
  program
    .command("drivers")
    .description("List the drivers; with a name, all of its settings and examples.")
    .argument("[driver]", "a driver")
    .action(async (name: string | undefined) => {
      const { driverFacts } = await import("../config/driver-facts.ts");
      const { drivers } = await load(cli);
      if (name === undefined) {
        const facts = drivers.map(driverFacts);
        cli.data({ drivers: facts });
        cli.sayTable([
          ["DRIVER", "CAN", "WHAT IT SWITCHES"],
          ...facts.map(({ name, can, summary }) => [name, can.join(" "), summary]),
        ]);
        return;
      }
      const driver = drivers.find((known) => known.name === name);
      if (!driver) {
        const near = didYouMean(
          name,
          drivers.map((known) => known.name),
        );
        throw notFound(`there is no driver "${name}"${near}`, "`maasochist drivers` lists them.");
      }
      const facts = driverFacts(driver);
      cli.data({ driver: facts });
      page(cli, facts);
    });
}

function page(cli: Cli, facts: DriverFacts): void {
  const heading = (text: string) => cli.say(`\n${cli.paint("bold", text)}`);
  cli.say(`${cli.paint("bold", facts.name)} – ${facts.title}`);
  cli.say(facts.summary);
  cli.say(`Can: ${facts.can.join(", ")}. A press that toggles: ${facts.momentary}.`);
  cli.say(`Off takes away: ${facts.cuts}.`);
  for (const sentence of facts.reads) cli.say(sentence);
  for (const note of facts.notes) cli.say(`\n${note}`);
  if (facts.hub.length > 0) {
    heading("Settings of the hub");
    printSettings(cli, facts.hub);
  }
  if (facts.outlet.length > 0) {
    heading("Settings of the outlet");
    printSettings(cli, facts.outlet);
  }
  heading("Pace");
  const pace = facts.pace.map(({ key, value, description }) => [`  ${key}`, value, description]);
  for (const line of cli.table(pace)) cli.say(line);
  for (const example of facts.examples) {
    heading(example.title);
    cli.say(example.yaml.trimEnd().replaceAll(/^/gm, "  "));
  }
  if (facts.sources.length > 0) {
    heading("Sources");
    for (const source of facts.sources) cli.say(`  ${source}`);
  }
}

function printSettings(cli: Cli, settings: readonly SettingFacts[]): void {
  const rows = settings.map((setting) => {
    const standing =
      setting.default === undefined ? (setting.required ? "required" : "optional") : `default ${setting.default}`;
    const cells = [`${setting.type}${setting.secret ? ", secret" : ""}`, standing, setting.description];
    return [`  ${setting.key}`, ...cells.map((cell) => cell.replaceAll("`", ""))];
  });
  for (const line of cli.table(rows)) cli.say(line);
}
