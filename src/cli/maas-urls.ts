/** Addresses under which MAAS may find the daemon, those that are configured before those that are guessed. */
import { networkInterfaces } from "node:os";
import type { Configuration, ListenAddress } from "../config/index.ts";
import type { Cli } from "./context.ts";

/**
 * `server.url`; else what a running daemon listens on, else what it would listen on; an address that stands for all of
 * this host's gives one for each.
 */
export async function daemonUrls(cli: Cli, { server }: Configuration): Promise<readonly string[]> {
  if (server.urls.length > 0) return server.urls;
  const listening = await cli.daemon().then(
    async (daemon) => (await daemon.status()).listening.flatMap(parsed),
    () => server.listen.flatMap(({ address }) => (address.kind === "tcp" && address.port !== 0 ? [address] : [])),
  );
  return [...new Set(listening.flatMap(ownUrls))];
}

type Listening = Pick<Extract<ListenAddress, { kind: "tcp" }>, "host" | "port">;

/** `192.168.1.10:6227` or `[::]:6227`, as the daemon tells it; of a path nothing. */
function parsed(text: string): Listening[] {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d+)$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  return host === undefined ? [] : [{ host, port: Number(port) }];
}

/** Of what listens on all addresses of this host one for each, those that only this host reaches left out. */
export function ownUrls({ host, port }: Listening): string[] {
  const url = (address: string) => `http://${address.includes(":") ? `[${address}]` : address}:${port}`;
  if (host !== "0.0.0.0" && host !== "::") return [url(host)];
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith("fe80:"))
    .filter(({ family }) => host === "::" || family === "IPv4")
    .map(({ address }) => url(address));
}
