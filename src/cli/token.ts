import type { Command } from "commander";
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

export function add(program: Command, cli: Cli): void {
  const token = program.command("token").description("Make, list and revoke tokens; works with and without a daemon.");
  grantOptions(
    token
      .command("add")
      .description("Make a token. It is shown once, and kept only as a hash.")
      .argument("<name>", "shown in the journal"),
    "maas",
  ).action(async (name: string, options: GrantOptions) => {
    const grant = grantOf(name, options);
    const credentials = await openCredentials(cli);
    refuseTaken(credentials, "tokens", name);
    const made = await change(() => credentials.addToken(grant));
    cli.data({ name, role: grant.role, token: made });
    if (!cli.json) cli.terminal.out(`${made}\n`);
    cli.note(
      `Enter it in MAAS as the power token, or send it as: Authorization: Bearer …\nIt is not shown again. The daemon knows it within a second.`,
    );
  });
  listCommand(token, cli, "tokens");
  revokeCommand(token, cli, "tokens");
}
