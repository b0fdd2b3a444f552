import { chmod, mkdir, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { CliError } from "./cli-error.ts";
import type { Cli } from "./context.ts";

interface Options {
  readonly systemd?: boolean;
  readonly force?: boolean;
  readonly listen: string;
}

export function add(program: Command, cli: Cli): void {
  program
    .command("init")
    .description("Write a commented starter configuration with its secrets and schema, or systemd units.")
    .argument("[folder]", "where to", ".")
    .option("--systemd", "write a hardened maasochist.service and maasochist.socket instead")
    .option("--listen <address>", "where the socket unit listens", "127.0.0.1:6227")
    .option("--force", "overwrite what is there")
    .action(async (folder: string, options: Options) => {
      const target = resolve(cli.terminal.cwd, folder);
      if (options.systemd) await systemd(cli, target, options);
      else await starter(cli, target, options);
    });
}

async function starter(cli: Cli, folder: string, { force }: Options): Promise<void> {
  const { STARTER, secretsText } = await import("./starter.ts");
  const { newToken } = await import("../store/new-token.ts");
  const { jsonSchema } = await import("../config/index.ts");
  const { drivers } = await import("../drivers/index.ts");
  await write(
    folder,
    [
      { name: "maasochist.yaml", text: STARTER },
      { name: "secrets.yaml", text: secretsText(newToken()), mode: 0o600 },
      { name: "maasochist.schema.json", text: `${JSON.stringify(jsonSchema(drivers), undefined, 2)}\n` },
    ],
    force === true,
  );
  cli.data({ folder, files: ["maasochist.yaml", "secrets.yaml", "maasochist.schema.json"] });
  cli.say(`Wrote maasochist.yaml, secrets.yaml (0600) and maasochist.schema.json to ${folder}.`);
  cli.say("Next:");
  cli.say("  1. Edit maasochist.yaml; `maasochist drivers` tells what there is.");
  cli.say("  2. maasochist config check");
  cli.say("  3. maasochist serve");
  cli.say("  4. maasochist test try-me --as-maas");
}

async function systemd(cli: Cli, folder: string, { force, listen }: Options): Promise<void> {
  const { serviceUnit, socketUnit } = await import("./systemd-units.ts");
  const { fileURLToPath } = await import("node:url");
  const { locateConfiguration } = await import("./locate.ts");
  const config = (await locateConfiguration(cli)) ?? "/etc/maasochist/maasochist.yaml";
  const options = {
    node: process.execPath,
    main: fileURLToPath(new URL("../main.js", import.meta.url)),
    config,
    listen,
  };
  await write(
    folder,
    [
      { name: "maasochist.service", text: serviceUnit(options) },
      { name: "maasochist.socket", text: socketUnit(options) },
    ],
    force === true,
  );
  cli.data({ folder, files: ["maasochist.service", "maasochist.socket"] });
  cli.say(`Wrote maasochist.service and maasochist.socket to ${folder}.`);
  cli.say(`They run ${config}, which needs:  server: { listen: systemd, url: http://ADDRESS:PORT }`);
  cli.say(
    "The service runs as an account of its own, which must be able to read the configuration and its secrets. Next:",
  );
  cli.say("  1. sudo install -m 644 maasochist.service maasochist.socket /etc/systemd/system/");
  cli.say("  2. sudo systemctl daemon-reload");
  cli.say("  3. sudo systemctl enable --now maasochist.socket maasochist.service");
}

interface File {
  readonly name: string;
  readonly text: string;
  readonly mode?: number;
}

/** Writes all files or none that would replace another. */
async function write(folder: string, files: readonly File[], force: boolean): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const { name } of files) {
    const there = await stat(join(folder, name)).then(
      () => true,
      () => false,
    );
    if (there && !force)
      throw new CliError(`${join(folder, name)} is there already, and nothing was written`, {
        hint: "Choose another folder, or overwrite with --force.",
      });
  }
  for (const { name, text, mode = 0o644 } of files) {
    await writeFile(join(folder, name), text, { mode });
    await chmod(join(folder, name), mode);
  }
}
