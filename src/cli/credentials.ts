/** What `token` and `user` share: both work on the credentials file, with or without a daemon. */

import type { Command } from "commander";
import { isNetwork } from "../http/networks.ts";
import { type Grant, ROLES } from "../power/access.ts";
import { messageOf } from "../power/errors.ts";
import type { Role } from "../power/order.ts";
import type { Credentials } from "../store/credentials.ts";
import { CliError, notFound, wrongUsage } from "./cli-error.ts";
import type { Cli } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { locateStore } from "./locate.ts";

const WHAT = { tokens: "token", users: "user" } as const;

export interface GrantOptions {
  readonly role: string;
  readonly machines?: readonly string[];
  readonly from?: readonly string[];
}

export async function openCredentials(cli: Cli): Promise<Credentials> {
  const { Credentials } = await import("../store/credentials.ts");
  const { paths } = await locateStore(cli);
  const credentials = new Credentials(paths.credentials);
  if (credentials.problem !== undefined)
    throw new CliError(credentials.problem, {
      hint: "Restore it from a backup, or move it away and make new credentials.",
    });
  return credentials;
}

export function grantOptions(command: Command, role: string): Command {
  return command
    .option("--role <role>", `one of ${ROLES.join(", ")}`, role)
    .option("--machines <pattern...>", "names or patterns it is limited to")
    .option("--from <network...>", "networks or addresses it may be used from");
}

/** Throws CliError where the name or an option does not fit. */
export function grantOf(name: string, { role, machines = ["*"], from = [] }: GrantOptions): Grant {
  const known: Role | undefined = ROLES.find((candidate) => candidate === role);
  if (!known) throw wrongUsage(`there is no role "${role}"`, `Roles: ${ROLES.join(", ")}.`);
  if (!/^[\w.@-]{1,64}$/.test(name))
    throw wrongUsage(`"${name}" is no name`, "Use letters, digits, dots, dashes, @ and underscores, 64 at most.");
  const wrong = from.find((network) => !isNetwork(network));
  if (wrong !== undefined)
    throw wrongUsage(`"${wrong}" is no network`, "Write 192.168.1.0/24, fd00::/8, or one address.");
  return { name, role: known, machines, from };
}

/** Throws CliError where the name is taken. */
export function refuseTaken(credentials: Credentials, kind: "tokens" | "users", name: string): void {
  const known: readonly Grant[] = credentials.rules[kind];
  if (!known.some((grant) => grant.name === name)) return;
  const what = WHAT[kind];
  throw wrongUsage(
    `there is a ${what} "${name}" already`,
    `Take another name, or first: maasochist ${what} revoke ${name}`,
  );
}

/** Runs a change; a failure of the file is told as such. */
export async function change<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const denied = error instanceof Error && "code" in error && (error.code === "EACCES" || error.code === "EPERM");
    throw new CliError(messageOf(error), {
      hint: denied ? "Run it as the daemon's own account, or with sudo." : undefined,
      exitCode: denied ? EXIT.denied : EXIT.failed,
      cause: error,
    });
  }
}

export function listCommand(parent: Command, cli: Cli, kind: "tokens" | "users"): void {
  parent
    .command("list")
    .description(`List the ${kind} made by this command (those of the configuration are in the configuration).`)
    .action(async () => {
      const { rules } = await openCredentials(cli);
      const grants = rules[kind].map(({ name, role, machines, from }) => ({ name, role, machines, from }));
      cli.data({ [kind]: grants });
      if (grants.length === 0) cli.say(`No ${kind} were made here. Make one: maasochist ${WHAT[kind]} add NAME`);
      else
        cli.sayTable([
          ["NAME", "ROLE", "MACHINES", "FROM"],
          ...grants.map(({ name, role, machines, from }) => [
            name,
            role,
            machines.join(" "),
            from.join(" ") || "anywhere",
          ]),
        ]);
    });
}

export function revokeCommand(parent: Command, cli: Cli, kind: "tokens" | "users"): void {
  const what = WHAT[kind];
  parent
    .command("revoke")
    .description(`Take a ${what} away; the daemon refuses it within a second.`)
    .argument("<name>", `name of the ${what}`)
    .action(async (name: string) => {
      const credentials = await openCredentials(cli);
      const found = await change(() => credentials.revoke(kind, name));
      if (!found)
        throw notFound(
          `there is no ${what} "${name}"`,
          `\`maasochist ${what} list\` shows them; those of the configuration are changed there.`,
        );
      cli.data({ revoked: name });
      cli.say(`${what} ${name} is revoked`);
    });
}
