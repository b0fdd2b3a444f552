/** A load of HTTP requests over raw sockets, as MAAS sends them: one connection each, or kept alive. */
import { connect, type Socket } from "node:net";

export interface LoadOptions {
  /** Whole requests, sent in turn. */
  readonly requests: readonly Buffer[];
  readonly keepAlive: boolean;
  readonly connections: number;
  /** How long each server is under load. */
  readonly durationMs: number;
}

export interface LoadResult {
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly failures: number;
}

export function request(
  method: "GET" | "POST",
  path: string,
  options: { readonly token: string; readonly keepAlive: boolean },
): Buffer {
  const connection = options.keepAlive ? "" : "Connection: close\r\n";
  const length = method === "POST" ? "Content-Length: 0\r\n" : "";
  return Buffer.from(
    `${method} ${path} HTTP/1.1\r\n${connection}${length}User-Agent: MAAS 3.7.3\r\nAccept: application/json\r\nAuthorization: Bearer ${options.token}\r\nHost: 127.0.0.1\r\n\r\n`,
  );
}

/** The machine's own pace changes within seconds: servers that are compared take turns this long (ms). */
const SLICE_MS = 250;

interface Tally {
  readonly times: number[];
  failures: number;
  seconds: number;
}

/** Loads the servers at these ports in turn, slice by slice; a result for each. */
export async function load(options: LoadOptions, ports: readonly number[]): Promise<LoadResult[]> {
  const tallies = ports.map((port) => ({ port, times: [], failures: 0, seconds: 0 }));
  for (let passed = 0; passed < options.durationMs; passed += SLICE_MS) {
    for (const tally of tallies) await slice(options, tally);
  }
  return tallies.map(({ times, failures, seconds }: Tally) => {
    times.sort((a, b) => a - b);
    return { perSecond: times.length / seconds, p50: at(times, 0.5), p99: at(times, 0.99), failures };
  });
}

async function slice(options: LoadOptions, tally: Tally & { readonly port: number }): Promise<void> {
  const begun = performance.now();
  let turn = 0;
  const worker = async (): Promise<void> => {
    let socket: Socket | undefined;
    while (performance.now() < begun + SLICE_MS) {
      const next = options.requests[turn++ % options.requests.length] ?? Buffer.alloc(0);
      const started = performance.now();
      try {
        socket ??= await open(tally.port);
        const ok = await exchange(socket, next);
        if (!ok) tally.failures += 1;
      } catch {
        tally.failures += 1;
        socket?.destroy();
        socket = undefined;
      }
      tally.times.push(performance.now() - started);
      if (!options.keepAlive) {
        socket?.destroy();
        socket = undefined;
      }
    }
    socket?.destroy();
  };
  await Promise.all(Array.from({ length: options.connections }, worker));
  tally.seconds += (performance.now() - begun) / 1_000;
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true }, () => resolve(socket));
    socket.once("error", reject);
  });
}

/** Sends the request and waits for the whole answer. Was it a success? */
function exchange(socket: Socket, bytes: Buffer): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let text = "";
    const onData = (chunk: Buffer) => {
      text += chunk.toString("latin1");
      const end = text.indexOf("\r\n\r\n");
      if (end < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
      if (text.length < end + 4 + length) return;
      done();
      resolve(text.startsWith("HTTP/1.1 2"));
    };
    const onClose = () => {
      done();
      reject(new Error("closed"));
    };
    const done = () => {
      socket.off("data", onData);
      socket.off("close", onClose);
      socket.off("error", onClose);
    };
    socket.on("data", onData);
    socket.on("close", onClose);
    socket.on("error", onClose);
    socket.write(bytes);
  });
}
