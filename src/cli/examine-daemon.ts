/** `doctor` on the daemon: does it answer, is it of this version, does it run what the configuration says? */
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { version } from "../app/version.ts";
import type { Configuration, ListenAddress } from "../config/index.ts";
import type { DaemonStatus } from "../http/shapes.ts";
import { tcpConnect } from "../wire/tcp-connect.ts";
import { CliError } from "./cli-error.ts";
import type { Client } from "./client.ts";
import type { Cli } from "./context.ts";
import { type Finding, finding } from "./findings.ts";
import { ago, clockTime } from "./table.ts";
import { number } from "./words.ts";

const CONNECT_WAIT_MS = 1_000;
const MOST_NAMED = 4;

/** The daemon, or why there is none. */
export async function meetDaemon(
  cli: Cli,
  socket: string,
): Promise<{ readonly client: Client; readonly status: DaemonStatus } | Finding> {
  try {
    const client = await cli.daemon();
    return { client, status: await client.status() };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    if (error.code === "denied") return finding("daemon-denied", { socket });
    const code = error.cause instanceof Error && "code" in error.cause ? error.cause.code : "";
    return code === "ENOENT" || code === "ECONNREFUSED"
      ? finding("daemon-absent", { socket })
      : finding("daemon-silent", { socket, problem: error.message });
  }
}

export async function* examineDaemon(client: Client, status: DaemonStatus): AsyncGenerator<Finding> {
  yield finding("daemon", {
    version: status.version,
    since: ago(status.startedAt),
    listening: status.listening.join(", "),
  });
  if (status.version !== version) yield finding("daemon-version", { daemon: status.version, command: version });
  const { maasSilent } = status;
  if (maasSilent)
    yield finding(
      "daemon-maas",
      { since: clockTime(maasSilent.since), problem: maasSilent.message },
      { next: maasSilent.hint },
    );
  for (const problem of status.problems) yield finding("daemon-problem", { problem });
  yield* stale(client);
}

/** Asks what a reload would change, and changes nothing. */
async function* stale(client: Client): AsyncGenerator<Finding> {
  const { difference, restart } = await client.reload(true);
  const { added = [], changed = [], removed = [] } = difference ?? {};
  const parts = [
    ...named(added, "added"),
    ...named(changed, "changed"),
    ...named(removed, "removed"),
    ...restart.map((section) => `\`${section}\` differs`),
  ];
  if (parts.length === 0) return;
  const remedy = restart.length > 0 ? "Restart the daemon." : "Run: maasochist reload";
  yield finding("configuration-stale", { differences: parts.join("; "), remedy });
}

function named(machines: readonly string[], what: string): string[] {
  return machines.length === 0 ? [] : [`${number(machines.length, "machine")} ${what} (${someOf(machines)})`];
}

/** The first of them, and how many more there are. */
export function someOf(names: readonly string[]): string {
  const more = names.length - MOST_NAMED;
  return more > 0 ? `${names.slice(0, MOST_NAMED).join(", ")} and ${more} more` : names.join(", ");
}

/** What would keep a daemon from listening. */
export async function* examineListening({ server: { listen } }: Configuration): AsyncGenerator<Finding> {
  for (const { address } of listen) {
    if (address.kind !== "tcp") continue;
    if (isForeign(address)) yield finding("listen-foreign", { address: address.host });
    else if (await isTaken(address)) {
      const { host, port } = address;
      yield finding("listen-taken", { address: `${isIP(host) === 6 ? `[${host}]` : host}:${port}`, port: `${port}` });
    }
  }
}

type TcpAddress = Extract<ListenAddress, { readonly kind: "tcp" }>;

function isForeign({ host }: TcpAddress): boolean {
  const plain = host.replace(/%.*$/, "");
  if (isIP(plain) === 0 || plain === "0.0.0.0" || plain === "::" || isLoopback(plain)) return false;
  return !ownAddresses().includes(plain);
}

async function isTaken({ host, port }: TcpAddress): Promise<boolean> {
  if (port === 0) return false;
  const anywhere = { "0.0.0.0": "127.0.0.1", "::": "::1" }[host];
  const signal = AbortSignal.timeout(2 * CONNECT_WAIT_MS);
  const outcome = await tcpConnect({ host: anywhere ?? host, port, waitMs: CONNECT_WAIT_MS, signal }).catch(
    () => "refused" as const,
  );
  return outcome === "accepted";
}

export function isLoopback(address: string): boolean {
  return address === "::1" || address === "localhost" || address.startsWith("127.");
}

/** Addresses of this host that others may reach. */
export function ownAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, scopeid }) => !internal && (scopeid ?? 0) === 0)
    .map(({ address }) => address);
}
