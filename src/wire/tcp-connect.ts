import { connect } from "node:net";

export type TcpOutcome = "accepted" | "refused" | "silent";

/** Codes that tell of silence: nobody answered, or nobody answers for the address any more (ARP found nobody). */
const SILENCE = new Set(["ETIMEDOUT", "EHOSTUNREACH", "EHOSTDOWN"]);

/**
 * Does a host answer on a port? A refused connection proves that it is up as much as an accepted one.
 * Throws the system's error where the question could not be asked (no route, no such name), and the signal's reason.
 */
export async function tcpConnect(options: {
  readonly host: string;
  readonly port: number;
  readonly waitMs: number;
  readonly signal: AbortSignal;
}): Promise<TcpOutcome> {
  const { host, port, waitMs, signal } = options;
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const end = (settle: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      socket.destroy();
      settle();
    };
    const onAbort = () => end(() => reject(signal.reason));
    const silent = () => end(() => resolve("silent"));
    // Timers come before input where the event loop is late: an answer that is there already gets its turn.
    const timer = setTimeout(() => setImmediate(silent), waitMs);
    signal.addEventListener("abort", onAbort, { once: true });
    socket.once("connect", () => end(() => resolve("accepted")));
    socket.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNREFUSED" || error.code === "ECONNRESET") end(() => resolve("refused"));
      else if (SILENCE.has(error.code ?? "")) end(() => resolve("silent"));
      else end(() => reject(error));
    });
  });
}
