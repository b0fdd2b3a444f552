import { chmod, mkdir, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import type { Command } from "commander";
import { packageFolder } from "../app/package-folder.ts";
import { CliError, wrongUsage } from "./cli-error.ts";
import type { Cli } from "./context.ts";
import { EXIT } from "./exit-codes.ts";

interface Options {
  readonly systemd?: boolean;
  readonly fromMaas?: boolean;
  readonly force?: boolean;
  readonly listen: string;
}

const SYSTEM_CONFIGURATION = "/etc/maasochist/maasochist.yaml";

export function add(program: Command, cli: Cli): void {
  program
    .command("init")
    .description("Write a commented starter configuration with its secrets and schema, or systemd units.")
    .argument("[folder]", "where to", ".")
    .option("--systemd", "write a hardened maasochist.service and maasochist.socket instead")
    .option(
      "--from-maas",
      "with the machines of MAAS, each to be given a driver; log in first (`maasochist maas login URL`)",
    )
    .option("--listen <address>", "where the daemon, or its socket unit, listens", "127.0.0.1:6227")
    .option("--force", "overwrite what is there")
    .action(async (folder: string, options: Options, command: Command) => {
      if (options.systemd && options.fromMaas) throw wrongUsage("--systemd and --from-maas exclude each other");
      if (!/^(\[[0-9a-fA-F:.]+\]|[\w.-]+):\d{1,5}$/.test(options.listen))
        throw wrongUsage(`"${options.listen}" is no address to listen on`, "Write 192.168.1.10:6227 or [::]:6227.");
      const target = resolve(cli.terminal.cwd, folder);
      if (options.systemd) await systemd(cli, target, options);
      else
        await starter(cli, target, {
          ...options,
          isDefaultListen: command.getOptionValueSource("listen") === "default",
        });
    });
}

interface StarterOptions extends Options {
  readonly isDefaultListen: boolean;
}

async function starter(cli: Cli, folder: string, options: StarterOptions): Promise<void> {
  const { jsonSchema } = await import("../config/index.ts");
  const { drivers } = await import("../drivers/index.ts");
  const { configuration, secrets } = await texts(cli, options);
  const files = [
    { name: "maasochist.yaml", text: configuration },
    { name: "secrets.yaml", text: secrets, mode: 0o600 },
    { name: "maasochist.schema.json", text: `${JSON.stringify(jsonSchema(drivers), undefined, 2)}\n` },
  ];
  await write(folder, files, options.force === true);
  cli.data({ folder, files: files.map(({ name }) => name) });
  const here = relative(cli.terminal.cwd, folder);
  const command = `${cli.calledAs}${here === "" ? "" : ` -c ${join(here, "maasochist.yaml")}`}`;
  cli.say(`Wrote maasochist.yaml, secrets.yaml (0600) and maasochist.schema.json to ${folder}. Next:`);
  cli.say(`  1. Edit maasochist.yaml; \`${cli.calledAs} drivers\` tells what there is for its machines.`);
  cli.say(`  2. ${command} config check`);
  if (options.fromMaas) cli.say(`  3. ${command} maas register`);
  cli.say(`  ${options.fromMaas ? 4 : 3}. ${command} serve`);
  cli.say(
    options.fromMaas
      ? `  5. ${command} maas verify     (in another terminal)`
      : `  4. ${command} test try-me --as-maas     (in another terminal)`,
  );
}

async function texts(
  cli: Cli,
  { fromMaas, listen, isDefaultListen }: StarterOptions,
): Promise<{ readonly configuration: string; readonly secrets: string }> {
  if (fromMaas) {
    const { filesFromMaas } = await import("./init-from-maas.ts");
    return filesFromMaas(cli, isDefaultListen ? undefined : listen);
  }
  const { starterText, secretsText } = await import("./starter.ts");
  const { newToken } = await import("../store/new-token.ts");
  return { configuration: starterText(listen), secrets: secretsText(newToken()) };
}

async function systemd(cli: Cli, folder: string, { force, listen }: Options): Promise<void> {
  const { ACCOUNT, serviceUnit, socketUnit } = await import("./systemd-units.ts");
  const { storePathOf } = await import("../config/index.ts");
  const { pathsBeside } = await import("../store/paths.ts");
  const { env, cwd } = cli.terminal;
  const config = cli.globals.config === undefined ? SYSTEM_CONFIGURATION : resolve(cwd, cli.globals.config);
  const node = process.execPath;
  const main = join(packageFolder, "dist", "main.js");
  const store = await storePathOf(config, env);
  const state = dirname(store);
  // Only a socket in the folder of the store is seen by both: the service has a /tmp of its own.
  const { socket } = pathsBeside(store);
  if (dirname(socket) !== state)
    throw new CliError(`${state} is too long a path for the daemon's local socket, by which commands find it`, {
      exitCode: EXIT.config,
      code: "config",
      hint: "Configure a shorter one: store: { path: /var/lib/maasochist/maasochist.db }",
    });
  const files = [
    { name: "maasochist.service", text: serviceUnit({ node, main, config, state }) },
    { name: "maasochist.socket", text: socketUnit(listen) },
  ];
  await write(folder, files, force === true);
  cli.data({ folder, files: files.map(({ name }) => name), config });
  const owned = `-o ${ACCOUNT} -g ${ACCOUNT}`;
  const steps = [
    `sudo useradd --system --home-dir ${state} --shell /usr/sbin/nologin ${ACCOUNT}`,
    ...(config === SYSTEM_CONFIGURATION
      ? [
          `sudo install -d -m 750 ${owned} ${dirname(config)}`,
          `sudo install -m 600 ${owned} maasochist.yaml secrets.yaml ${dirname(config)}/`,
        ]
      : [`sudo chown -R ${ACCOUNT}: ${dirname(config)}`]),
    `cd ${folder} && sudo install -m 644 maasochist.service maasochist.socket /etc/systemd/system/`,
    "sudo systemctl daemon-reload",
    "sudo systemctl enable --now maasochist.socket maasochist.service",
    `sudo maasochist -c ${config} list`,
  ];
  cli.say(`Wrote maasochist.service and maasochist.socket to ${folder}.`);
  cli.say(`They run ${config}, which needs:`);
  cli.say(`  server: { listen: systemd, url: "http://${reachable(listen)}" }`);
  cli.say(
    `The service runs as the account ${ACCOUNT}: whatever \`!secret\` and \`!file\` name must be readable for it. Next:`,
  );
  for (const step of steps) cli.say(`  ${step}`);
  for (const path of [node, main].filter((path) => path.startsWith(`${homedir()}/`)))
    cli.note(
      `${path} is in a home folder, where the account ${ACCOUNT} may not reach it: install it for all accounts first.`,
    );
}

/** Where MAAS finds what listens there; on all of a host's addresses, that is one of them, which a person knows best. */
function reachable(listen: string): string {
  return listen.replace(/^(0\.0\.0\.0|\[::\]):/, "ADDRESS_OF_THIS_HOST:");
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
