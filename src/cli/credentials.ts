/** What `token` and `user` share: both work on the credentials file, with or without a daemon. */

import { isIP } from "node:net";
import type { Command } from "commander";
import { ROLES } from "../power/access.ts";
import { messageOf } from "../power/errors.ts";
import type { Role } from "../power/order.ts";
import type { Credentials } from "../store/credentials.ts";
import { CliError } from "./cli-error.ts";
import type { Cli } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { locateStore } from "./locate.ts";
import { table } from "./table.ts";

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

/** Throws CliError where an option does not fit. */
export function grantOf(name: string, { role, machines, from }: GrantOptions) {
  const known: Role | undefined = ROLES.find((candidate) => candidate === role);
  if (!known)
    throw new CliError(`there is no role "${role}"`, {
      exitCode: EXIT.usage,
      code: "usage",
      hint: `Roles: ${ROLES.join(", ")}.`,
    });
  if (!/^[\w.@-]{1,64}$/.test(name))
    throw new CliError(`"${name}" is no name: letters, digits, dots, dashes and underscores`, {
      exitCode: EXIT.usage,
      code: "usage",
    });
  for (const network of from ?? []) {
    const [address = "", prefix] = network.split("/");
    const family = isIP(address);
    const bits = prefix === undefined ? 0 : Number(prefix);
    if (family === 0 || !(bits >= 0 && bits <= (family === 4 ? 32 : 128)))
      throw new CliError(`"${network}" is no network`, {
        exitCode: EXIT.usage,
        code: "usage",
        hint: "Write 192.168.1.0/24 or one address.",
      });
  }
  return { name, role: known, machines: machines ?? ["*"], from: from ?? [] };
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
      if (grants.length === 0) cli.say(`No ${kind}.`);
      else
        for (const line of table([
          ["NAME", "ROLE", "MACHINES", "FROM"],
          ...grants.map(({ name, role, machines, from }) => [
            name,
            role,
            machines.join(" "),
            from.join(" ") || "anywhere",
          ]),
        ]))
          cli.say(line);
    });
}

export function revokeCommand(parent: Command, cli: Cli, kind: "tokens" | "users"): void {
  const what = kind === "tokens" ? "token" : "user";
  parent
    .command("revoke")
    .description(`Take a ${what} away; the daemon refuses it within a second.`)
    .argument("<name>", `name of the ${what}`)
    .action(async (name: string) => {
      const credentials = await openCredentials(cli);
      const found = await change(() => credentials.revoke(kind, name));
      if (!found)
        throw new CliError(`there is no ${what} "${name}"`, {
          exitCode: EXIT.usage,
          code: "not_found",
          hint: `\`maasochist ${what} list\` shows them; those of the configuration are changed there.`,
        });
      cli.data({ revoked: name });
      cli.say(`${what} ${name} is revoked`);
    });
}
