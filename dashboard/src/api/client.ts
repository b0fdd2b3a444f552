/** Asks the daemon. Every failure is an `ApiError` with what, why and what to do. */
import { addressOf } from "../base.ts";
import type { Failure } from "./types.ts";

export class ApiError extends Error implements Failure {
  readonly code: string;
  readonly hint: string;
  /** HTTP status; 0 where no answer came. */
  readonly status: number;
  /** Seconds after which it may be tried again. */
  readonly retryAfter: number | undefined;

  constructor({ code, message, hint }: Failure, status: number, retryAfter?: number) {
    super(message);
    this.code = code;
    this.hint = hint;
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

const TIMEOUT_MS = 30_000;

let onSignedOut = () => {};

/** Called when the daemon does not know the caller any more. */
export function whenSignedOut(listener: () => void): void {
  onSignedOut = listener;
}

export interface Ask {
  readonly method?: "GET" | "POST" | "DELETE";
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

/** The JSON of an answer below /api/v1. Throws ApiError. */
export async function ask<T>(path: string, options: Ask = {}): Promise<T> {
  const response = await answered(path, options);
  if (response.status === 204) return undefined as T;
  return (await response.json()) as T;
}

/** The text of an answer below /api/v1. Throws ApiError. */
export async function askText(path: string, options: Ask = {}): Promise<string> {
  return (await answered(path, options)).text();
}

async function answered(
  path: string,
  { method = "GET", body, signal, timeoutMs = TIMEOUT_MS }: Ask,
): Promise<Response> {
  const late = AbortSignal.timeout(timeoutMs);
  return open(path, {
    method,
    signal: signal ? AbortSignal.any([signal, late]) : late,
    headers: {
      // No page of another site can send it: the daemon asks for it where a cookie tells who calls.
      ...(method !== "GET" && { "X-MSO-Request": "1" }),
      ...(body !== undefined && { "Content-Type": "application/json" }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

/** An answer that is not read yet. Throws ApiError where it is none, or tells of a failure. */
export async function open(path: string, init: RequestInit): Promise<Response> {
  const response = await reach(path, init);
  if (response.ok) return response;
  const failure = await failureOf(response);
  if (response.status === 401 && path !== "session") onSignedOut();
  throw failure;
}

async function reach(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(addressOf(`api/v1/${path}`), { cache: "no-store", credentials: "same-origin", ...init });
  } catch (error) {
    const timedOut = error instanceof DOMException && error.name === "TimeoutError";
    throw new ApiError(
      {
        code: "connection",
        message: timedOut ? "The daemon did not answer in time." : "The daemon does not answer.",
        hint: "Check that it runs, and that this computer reaches it.",
      },
      0,
    );
  }
}

async function failureOf(response: Response): Promise<ApiError> {
  const retryAfter = Number(response.headers.get("retry-after") ?? Number.NaN);
  const body: unknown = await response.json().catch(() => undefined);
  return new ApiError(
    failureIn(body) ?? {
      code: "connection",
      message: `Something between this page and the daemon answered ${response.status}.`,
      hint: "Check the proxy before the daemon.",
    },
    response.status,
    Number.isFinite(retryAfter) ? retryAfter : undefined,
  );
}

function failureIn(body: unknown): Failure | undefined {
  if (typeof body !== "object" || body === null || !("error" in body)) return undefined;
  const { error } = body;
  if (typeof error !== "object" || error === null || !("message" in error)) return undefined;
  const { code = "", message, hint = "" } = error as Partial<Failure>;
  return { code, message: String(message), hint };
}

/** Whatever was thrown, as what is shown. */
export function failureFrom(thrown: unknown): Failure {
  if (thrown instanceof ApiError) return thrown;
  return {
    code: "page",
    message: thrown instanceof Error ? thrown.message : String(thrown),
    hint: "Load the page anew; if it stays so, please report it.",
  };
}
