/** What it means when a request cannot be sent, or no whole answer comes. */
import { messageOf, PowerError } from "../power/errors.ts";
import { abortCode } from "./abort.ts";
import { clip } from "./clip.ts";

/** Shorter than an exchange may take, so that a device that is gone is told from one that does not answer. */
export const CONNECT_TIMEOUT_MS = 3_000;

export interface Sending {
  readonly host: string;
  readonly signal: AbortSignal;
  /** Was there a connection to send it on? */
  readonly connected: boolean;
  readonly acts: boolean;
}

/** What a failure to send or to be answered means. */
export function classify(error: unknown, { host, signal, connected, acts }: Sending): PowerError {
  const mayHaveActed = acts && connected;
  if (signal.aborted) {
    const what = connected ? "did not answer" : "could not be connected to";
    return new PowerError(abortCode(signal), `${host} ${what} in time`, { cause: error, mayHaveActed });
  }
  if (error instanceof PowerError) {
    const { code, message, hint } = error;
    return new PowerError(code, `${host}: ${message}`, { cause: error, hint, mayHaveActed });
  }
  const code = codeOf(error);
  if (code === "UND_ERR_INVALID_ARG" || code === "UND_ERR_NOT_SUPPORTED" || code.startsWith("UND_ERR_REQ_")) {
    // The library's words may quote a header, in which a secret may stand.
    return new PowerError("config", `this request to ${host} cannot be sent (${code})`, {
      hint: "Correct `method` and `headers`; length, connection and encoding of a request are not for headers to say.",
    });
  }
  return connected ? broken(error, { host, code, mayHaveActed }) : notConnected(error, { host, code });
}

/** What it means that there is no connection, over TLS or without it. */
export function notConnected(
  error: unknown,
  { host, code }: { readonly host: string; readonly code: string },
): PowerError {
  if (/^(?:CERT_|CRL_|DEPTH_ZERO|HOSTNAME_|INVALID_CA|SELF_SIGNED|UNABLE_TO|ERR_TLS_CERT)/.test(code)) {
    return new PowerError("auth", `the certificate of ${host} is not trusted (${code})`, {
      cause: error,
      hint: "Give its authority with `ca: !file …`, pin it with `pin_sha256`, or set `insecure: true`.",
    });
  }
  if (/^(?:ERR_SSL|ERR_TLS|ERR_OSSL|EPROTO)/.test(code)) {
    return new PowerError("protocol", `${host} does not speak TLS as it should (${code})`, {
      cause: error,
      hint: "Is this the right port, and is it TLS that is spoken there?",
    });
  }
  const why: Readonly<Record<string, string>> = {
    ECONNREFUSED: "refuses the connection",
    ENOTFOUND: "has no address",
    EAI_AGAIN: "has no address: the name service does not answer",
    UND_ERR_CONNECT_TIMEOUT: `cannot be connected to within ${CONNECT_TIMEOUT_MS / 1_000} s`,
  };
  return new PowerError("unreachable", `${host} ${why[code] ?? `cannot be reached (${code || messageOf(error)})`}`, {
    cause: error,
  });
}

function broken(
  error: unknown,
  { host, code, mayHaveActed }: { readonly host: string; readonly code: string; readonly mayHaveActed: boolean },
): PowerError {
  const notHttp =
    nameOf(error) === "HTTPParserError" || code === "UND_ERR_HEADERS_OVERFLOW" || code.startsWith("UND_ERR_RES_");
  return notHttp
    ? new PowerError("protocol", `${host} does not answer in HTTP as it should: ${clip(messageOf(error))}`, {
        // The original holds what came, which may repeat what was sent.
        cause: new Error(messageOf(error)),
        mayHaveActed,
      })
    : new PowerError("unreachable", `the connection to ${host} broke (${code || messageOf(error)})`, {
        cause: error,
        mayHaveActed,
      });
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "";
}

/** The code that Node.js or a library gave an error; empty where it has none. */
export function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error && typeof error.code === "string"
    ? error.code
    : "";
}
