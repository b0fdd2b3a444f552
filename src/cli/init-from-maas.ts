/** `init --from-maas`: asks MAAS for its machines, and gives the files of a configuration with them. */
import type { Cli } from "./context.ts";
import { load } from "./load.ts";
import { locateStore } from "./locate.ts";
import { maasAccess, openMaas, withMaas } from "./maas-access.ts";
import { ownUrls } from "./maas-urls.ts";
import { secretsFromMaas, starterFromMaas, takeInventory } from "./starter-from-maas.ts";
import { number } from "./words.ts";

const PORT = 6227;

/** `listen` undefined: an address of this host that MAAS polls, else this host alone. */
export function filesFromMaas(
  cli: Cli,
  listen: string | undefined,
): Promise<{ readonly configuration: string; readonly secrets: string }> {
  return withMaas(cli, async (signal) => {
    const { configuration } = await load(cli);
    const { paths } = await locateStore(cli);
    const access = maasAccess({ maas: configuration?.maas, paths, env: cli.terminal.env });
    await using client = await openMaas(cli, access);
    const inventory = await takeInventory(client, ownUrls({ host: "::", port: PORT }), signal);
    cli.say(`MAAS ${inventory.version} at ${inventory.url} has ${number(inventory.machines.length, "machine")}.`);
    const address = listen ?? inventory.listen ?? `127.0.0.1:${PORT}`;
    if (listen === undefined && inventory.listen === undefined)
      cli.note(
        "No address of this host is in a subnet of a rack controller. Correct `server:` before you register machines.",
      );
    return { configuration: starterFromMaas(inventory, address), secrets: secretsFromMaas(access.key) };
  });
}
