/** `maas login`: finds MAAS, tries the key, and keeps both beside the journal. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { maasBase } from "../maas/base-url.ts";
import type { MaasClient } from "../maas/client.ts";
import { skewWords } from "../maas/refusal.ts";
import { messageOf } from "../power/errors.ts";
import { Secret } from "../power/secret.ts";
import { keepMaasLogin } from "../store/maas-login.ts";
import { CliError, wrongUsage } from "./cli-error.ts";
import type { Cli } from "./context.ts";
import { change } from "./credentials.ts";
import { EXIT } from "./exit-codes.ts";
import { load } from "./load.ts";
import { locateStore } from "./locate.ts";
import { checkedKey, keyFrom, openMaas, withMaas } from "./maas-access.ts";
import { requireAdministrator } from "./maas-scene.ts";
import { readInput } from "./read-input.ts";

/** Less of a difference is what a network does (ms). */
const NOTABLE_SKEW_MS = 5_000;

export interface LoginCommand {
  readonly url: string | undefined;
  readonly keyFile: string | undefined;
}

export function login(cli: Cli, command: LoginCommand): Promise<void> {
  return withMaas(cli, async (signal) => {
    const { configuration } = await load(cli);
    const maas = configuration?.maas;
    const { paths, file } = await locateStore(cli);
    if (maas?.key)
      throw wrongUsage(
        `${file ?? "the configuration"} has a key of its own under \`maas:\`, which goes first`,
        "Change it there, and try it with `maasochist maas status`; or take `key:` out and log in.",
      );
    const url = addressOf(command.url, maas?.url);
    const options = { url, ...(maas?.ca !== undefined && { ca: maas.ca }), insecure: maas?.insecure ?? false };
    // Before a key is asked for: is there a MAAS at all?
    await using anonymous = await openMaas(cli, options);
    const { version } = await anonymous.version(signal);
    cli.say(`${cli.paint("green", "✔")} MAAS ${version} at ${url}`);
    const key = await keyOf(cli, command.keyFile);
    await using client = await openMaas(cli, { ...options, key });
    const user = await client.whoAmI(signal);
    requireAdministrator(user, version);
    const right = user.is_superuser ? "an administrator" : "who is no administrator, and may still be allowed enough";
    cli.say(`${cli.paint("green", "✔")} the key is that of ${user.username}, ${right}`);
    sayClock(cli, client);
    await requireWebhooks(client, signal);
    await change(async () => keepMaasLogin(paths.maas, { url, key }));
    cli.say(`Address and key are kept in ${paths.maas}, for this account alone (mode 0600).`);
    cli.data({ url, version, user: user.username, clock_ahead_ms: Math.round(client.skewMs ?? 0), file: paths.maas });
    cli.note(`Next: ${cli.calledAs} maas plan`);
  });
}

function addressOf(given: string | undefined, configured: string | undefined): string {
  const written = given ?? configured;
  if (written === undefined)
    throw wrongUsage(
      "where is MAAS?",
      "Give its address: `maasochist maas login URL`, such as http://192.168.1.2:5240/MAAS.",
    );
  const url = maasBase(written);
  if (url === undefined)
    throw wrongUsage(
      `"${written.includes("@") ? "that" : written}" is no address of a MAAS`,
      "Write http://192.168.1.2:5240/MAAS, without a user in it.",
    );
  if (given !== undefined && configured !== undefined && maasBase(configured) !== url)
    throw wrongUsage(
      `the configuration has another address under \`maas:\`, which goes first: ${configured}`,
      "Change `url:` there, or take it out.",
    );
  return url;
}

/** From the file, the environment, a person, or standard input. */
async function keyOf(cli: Cli, keyFile: string | undefined): Promise<Secret> {
  if (keyFile !== undefined) {
    const path = resolve(cli.terminal.cwd, keyFile);
    const text = await readFile(path, "utf8").catch((error: unknown) => {
      throw new CliError(`the key cannot be read: ${messageOf(error)}`, {
        exitCode: EXIT.usage,
        code: "usage",
        cause: error,
      });
    });
    return checkedKey(new Secret(text), path);
  }
  const given = keyFrom(cli.terminal.env);
  if (given) return given;
  if (cli.terminal.interactive && !cli.json) return checkedKey(new Secret(await askedKey()), "what was entered");
  return checkedKey(new Secret(await readInput(cli.terminal.in)), "what came on standard input");
}

/** Without an echo. */
async function askedKey(): Promise<string> {
  const { isCancel, password } = await import("@clack/prompts");
  const answer = await password({ message: "API key (in MAAS: user menu, API keys)" });
  if (isCancel(answer)) throw new CliError("cancelled; nothing was done", { exitCode: EXIT.usage, code: "cancelled" });
  return answer ?? "";
}

function sayClock(cli: Cli, { skewMs = 0 }: MaasClient): void {
  if (Math.abs(skewMs) <= NOTABLE_SKEW_MS) cli.say(`${cli.paint("green", "✔")} the clocks agree`);
  else cli.say(`${cli.paint("yellow", "!")} ${skewWords(skewMs)}; at 300 s it refuses the key: set the time by NTP`);
}

async function requireWebhooks(client: MaasClient, signal: AbortSignal): Promise<void> {
  if ((await client.powerTypes(signal)).includes("webhook")) return;
  throw new CliError("this MAAS has no power type Webhook", {
    code: "maas_protocol",
    hint: "It came with MAAS 3.0: update MAAS.",
  });
}
