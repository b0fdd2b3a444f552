import type { Command } from "commander";
import { CliError, wrongUsage } from "./cli-error.ts";
import type { Cli } from "./context.ts";
import {
  change,
  type GrantOptions,
  grantOf,
  grantOptions,
  listCommand,
  openCredentials,
  refuseTaken,
  revokeCommand,
} from "./credentials.ts";
import { EXIT } from "./exit-codes.ts";
import { readInput } from "./read-input.ts";

export function add(program: Command, cli: Cli): void {
  const user = program
    .command("user")
    .description("Make, list and revoke users with passwords; works with and without a daemon.");
  grantOptions(
    user.command("add").description("Make a user; asks for the password.").argument("<name>", "the user's name"),
    "operator",
  )
    .option("--password-stdin", "read the password from standard input")
    .action(async (name: string, options: GrantOptions & { readonly passwordStdin?: boolean }) => {
      const grant = grantOf(name, options);
      const credentials = await openCredentials(cli);
      refuseTaken(credentials, "users", name);
      const { hashPassword, SHORTEST_PASSWORD } = await import("../http/password.ts");
      const password = options.passwordStdin ? await readInput(cli.terminal.in) : await askTwice(cli);
      if (password.length < SHORTEST_PASSWORD)
        throw wrongUsage(`the password has fewer than ${SHORTEST_PASSWORD} characters`);
      const passwordHash = await hashPassword(password);
      await change(() => credentials.addUser({ ...grant, passwordHash }));
      cli.data({ name, role: grant.role });
      cli.say(
        `user ${name} may ${grant.role === "viewer" ? "look" : grant.role === "admin" ? "do everything" : "switch"}; a running daemon knows within a second`,
      );
    });
  listCommand(user, cli, "users");
  revokeCommand(user, cli, "users");
}

async function askTwice(cli: Cli): Promise<string> {
  if (!cli.terminal.interactive)
    throw wrongUsage("there is nobody to ask for a password", "Give it with --password-stdin.");
  const { isCancel, password } = await import("@clack/prompts");
  const first = await password({ message: "Password" });
  const second = isCancel(first) ? first : await password({ message: "Again" });
  if (isCancel(first) || isCancel(second))
    throw new CliError("cancelled; nothing was done", { exitCode: EXIT.usage, code: "cancelled" });
  if (first !== second) throw wrongUsage("the two passwords differ", "Nothing was done. Try again.");
  return first ?? "";
}
