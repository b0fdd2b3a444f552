/** Which token to ask as MAAS with. */
import { readFile } from "node:fs/promises";
import { roleAllows } from "../power/access.ts";
import { matchesAny } from "../power/names.ts";
import { wrongUsage } from "./cli-error.ts";
import type { Cli } from "./context.ts";
import { load } from "./load.ts";
import { locateStore } from "./locate.ts";

/**
 * The one in MAASOCHIST_TOKEN; else one of the configuration that may switch this machine, MAAS's own before others; else
 * the one made on first start. Of all others only hashes are kept. Throws CliError where there is none.
 */
export async function maasToken(cli: Cli, machine: string): Promise<string> {
  const given = cli.terminal.env["MAASOCHIST_TOKEN"] ?? "";
  const token = given === "" ? ((await configuredToken(cli, machine)) ?? (await generatedToken(cli))) : given;
  if (token !== undefined) return token;
  throw wrongUsage(
    "which token does MAAS use? Only its hash is known here",
    "Give it in the environment: MAASOCHIST_TOKEN. `maasochist token add NAME` makes another one.",
  );
}

async function configuredToken(cli: Cli, machine: string): Promise<string | undefined> {
  const { plainTokens } = await import("../config/index.ts");
  const { configuration } = await load(cli);
  const tokens = plainTokens(configuration?.resolved.top.get("access")?.value).filter(
    ({ role, machines }) => roleAllows(role, "order") && matchesAny(machines, machine),
  );
  return (tokens.find(({ role }) => role === "maas") ?? tokens[0])?.token;
}

async function generatedToken(cli: Cli): Promise<string | undefined> {
  const { paths } = await locateStore(cli);
  return readFile(paths.token, "utf8").then(
    (text) => text.trim(),
    () => undefined,
  );
}
