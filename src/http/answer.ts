/** How failures become HTTP answers, in one form for every front: `{"error":{"code","message","hint"}}`. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { PowerError } from "../power/errors.ts";
import { AccessError } from "./access-error.ts";

export interface HttpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly error?: HttpError;
}

export interface HttpError {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

const BEARER = 'Bearer realm="maasochist"';

/**
 * The challenge of a 401 as a browser is to get it: offered Basic it would ask its owner for a user and password in a window
 * of its own, keep them until it is closed, and send them with whatever other sites' pages ask for.
 */
export function challengeFor({ headers }: IncomingMessage): Readonly<Record<string, string>> {
  const isBrowser = headers["user-agent"]?.startsWith("Mozilla/") || "sec-fetch-mode" in headers || "origin" in headers;
  return isBrowser ? { "WWW-Authenticate": BEARER } : {};
}

/** What to answer when this was thrown. A fault of ours is a 500 that tells nothing of our inside. */
export function answerOf(thrown: unknown): HttpAnswer & { readonly error: HttpError } {
  if (thrown instanceof PowerError) {
    const { status, code, message, hint } = thrown;
    return { status, error: { code, message, hint } };
  }
  if (thrown instanceof AccessError) {
    const { status, kind, message, hint, retryAfter } = thrown;
    return {
      status,
      headers: {
        ...(status === 401 && { "WWW-Authenticate": `${BEARER}, Basic realm="maasochist", charset="UTF-8"` }),
        ...(retryAfter !== undefined && { "Retry-After": String(Math.ceil(retryAfter)) }),
      },
      error: { code: kind, message, hint },
    };
  }
  return {
    status: 500,
    error: {
      code: "internal",
      message: "a fault in the daemon",
      hint: "The daemon's log tells more. Please report it.",
    },
  };
}

/** Was this thrown by a fault of ours? Then the log is to tell of it. */
export function isFault(thrown: unknown): boolean {
  return !(thrown instanceof PowerError || thrown instanceof AccessError);
}

/** The body of a failure. */
export function errorBody(error: HttpError): Buffer {
  return Buffer.from(JSON.stringify({ error }));
}

/** Answers in one line of JSON, with its length. */
export function answerJson(response: ServerResponse, answer: HttpAnswer): void {
  if (response.headersSent || response.destroyed) return;
  const body = answer.error ? errorBody(answer.error) : Buffer.from(JSON.stringify(answer.body));
  response.writeHead(answer.status, {
    "Content-Type": "application/json",
    "Content-Length": body.length,
    "Cache-Control": "no-store",
    ...answer.headers,
  });
  response.end(body);
}
