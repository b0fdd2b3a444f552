/** How MAAS, and people, reach the daemon. */
import type { Server } from "node:http";
import { networkInterfaces } from "node:os";
import type { Configuration } from "../config/index.ts";

/** As configured; else the first address that others can reach, or what it listens on. */
export function urlOf(settings: Configuration["server"], servers: readonly Server[]): string {
  return settings.urls[0] ?? guessed(settings, servers, "maas");
}

/** Where the dashboard is opened; undefined where nothing serves it. */
export function pageUrlOf(settings: Configuration["server"], servers: readonly Server[]): string | undefined {
  const { listen, basePath } = settings;
  const [url] = settings.urls;
  if (!listen.some(({ serve }) => serve.includes("page"))) return undefined;
  const main = url !== undefined && listen.every(({ serve }) => serve.includes("page")) ? url : undefined;
  return `${main ?? `${guessed(settings, servers, "page")}${basePath}`}/`;
}

function guessed({ listen }: Configuration["server"], servers: readonly Server[], what: "maas" | "page"): string {
  const serving = listen.filter(({ serve }) => serve.includes(what));
  const isTls = (port: number): boolean => {
    const known = serving.find(
      ({ address }) => address.kind === "tcp" && (address.port === port || address.port === 0),
    );
    return (known ?? serving[0])?.tls !== undefined;
  };
  const addresses = servers
    .map((server) => server.address())
    .filter((address) => typeof address === "object" && address !== null);
  const ports = new Set(serving.flatMap(({ address }) => (address.kind === "tcp" ? [address.port] : [])));
  const first = addresses.find(({ port }) => ports.has(port)) ?? addresses[0];
  if (!first) return "http://127.0.0.1:6227";
  const anywhere = first.address === "0.0.0.0" || first.address === "::";
  const host = anywhere ? (ownAddress() ?? "127.0.0.1") : first.address;
  return `${isTls(first.port) ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${first.port}`;
}

function ownAddress(): string | undefined {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find((address) => address.family === "IPv4" && !address.internal)?.address;
}
