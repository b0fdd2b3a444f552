/** Where the daemon listens: TCP, UNIX sockets, what systemd hands over, and the local socket of the command line. */

import { once } from "node:events";
import { chmodSync, mkdirSync, rmSync } from "node:fs";
import type { Server } from "node:http";
import { connect } from "node:net";
import { dirname } from "node:path";
import type { ListenAddress } from "../config/index.ts";
import { messageOf } from "../power/errors.ts";
import { StartError } from "./start-error.ts";

/** The first descriptor that systemd passes (sd_listen_fds(3)). */
const FIRST_PASSED_FD = 3;

export function isLocalAddress(address: ListenAddress): boolean {
  return (
    address.kind === "unix" ||
    (address.kind === "tcp" &&
      (address.host === "::1" || address.host === "localhost" || address.host.startsWith("127.")))
  );
}

/** Listens on the address; one server for each descriptor that systemd passes. Throws StartError. */
export async function listen(address: ListenAddress, build: () => Server, env: NodeJS.ProcessEnv): Promise<Server[]> {
  switch (address.kind) {
    case "tcp":
      return [await listenOn(build(), { host: address.host, port: address.port })];
    case "unix":
      return [await listenOnPath(build(), address.path)];
    case "systemd":
      return Promise.all(passedDescriptors(env).map((fd) => listenOn(build(), { fd })));
    default:
      return address satisfies never;
  }
}

/** Listens on a path that only this account may open; a socket that a dead daemon left is replaced. */
export async function listenOnPath(server: Server, path: string): Promise<Server> {
  if (process.platform === "win32") return listenOn(server, { path });
  mkdirSync(dirname(path), { recursive: true });
  if (await answers(path)) {
    throw new StartError(`another daemon serves ${path} already`, {
      hint: "Stop it first, or give this one another `store: { path: … }`.",
    });
  }
  rmSync(path, { force: true });
  // The path is bound within the call, so nothing else is made under this mask.
  const before = process.umask(0o177);
  const listening = listenOn(server, { path });
  process.umask(before);
  await listening;
  chmodSync(path, 0o600);
  return server;
}

type Target = { readonly host: string; readonly port: number } | { readonly path: string } | { readonly fd: number };

async function listenOn(server: Server, target: Target): Promise<Server> {
  server.listen(target);
  try {
    await once(server, "listening");
  } catch (error) {
    throw startError(target, error);
  }
  return server;
}

function startError(target: Target, error: unknown): StartError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const where =
    "port" in target ? `${target.host}:${target.port}` : "path" in target ? target.path : `descriptor ${target.fd}`;
  const options = (hint: string) => ({ hint, cause: error });
  switch (code) {
    case "EADDRINUSE": {
      const port = "port" in target ? target.port : 0;
      return new StartError(
        `${where} is in use by another program`,
        options(
          `See which: ss -ltnp 'sport = :${port}'. Stop it, or listen elsewhere: server: { listen: 127.0.0.1:${port + 1} }`,
        ),
      );
    }
    case "EACCES":
      return new StartError(
        `${where} may not be listened on by this account`,
        options(
          "Ports below 1024 need root or CAP_NET_BIND_SERVICE; use 6227, or socket activation (`maasochist init --systemd`).",
        ),
      );
    case "EADDRNOTAVAIL":
      return new StartError(
        `${where} is no address of this host`,
        options("See `ip address`, and correct `server: { listen: … }`."),
      );
    default:
      return new StartError(
        `cannot listen on ${where}: ${messageOf(error)}`,
        options("Correct `server: { listen: … }`."),
      );
  }
}

function passedDescriptors(env: NodeJS.ProcessEnv): number[] {
  const count = Number(env["LISTEN_FDS"] ?? 0);
  const pid = env["LISTEN_PID"];
  if (!(count > 0) || (pid !== undefined && Number(pid) !== process.pid)) {
    throw new StartError("`listen: systemd` is configured, and no socket was passed", {
      hint: "Start it by its socket unit (`maasochist init --systemd` writes one), or configure an address.",
      exitCode: 3,
    });
  }
  return Array.from({ length: count }, (_, index) => FIRST_PASSED_FD + index);
}

async function answers(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

export async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, "close");
  server.close();
  server.closeIdleConnections();
  // What is still being answered now has been answered before this is called; nothing may hold the end up.
  setTimeout(() => server.closeAllConnections(), 500).unref();
  await closed;
}

/** `192.168.1.10:6227`, or the path. */
export function describeServer(server: Server): string {
  const address = server.address();
  if (address === null) return "nothing";
  if (typeof address === "string") return `unix:${address}`;
  return `${address.family === "IPv6" ? `[${address.address}]` : address.address}:${address.port}`;
}
