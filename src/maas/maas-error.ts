/**
 * Every way in which talking to MAAS's API fails, in one table: code → what to do. Callers decide by code, never by
 * message text. `docs/errors.md` is generated from it.
 */
export const MAAS_ERRORS = {
  unreachable: "Is MAAS running, and is its address right? It is mostly http://ADDRESS:5240/MAAS.",
  timeout: "MAAS took too long. Look at the load of its region controller, and try again.",
  tls: "Give its authority with `ca: !file …` under `maas:`, or set `insecure: true` there.",
  not_maas:
    "Something else than MAAS answers there. MAAS's address is mostly http://ADDRESS:5240/MAAS; a proxy must pass it on.",
  key: "Get a key in MAAS's user menu under API keys, or by `sudo maas apikey --username NAME`; then run `maasochist maas login URL`.",
  clock: "Set the time by NTP on both hosts: MAAS takes a request within 300 s of its own clock.",
  forbidden: "Use the API key of a MAAS administrator.",
  not_found: "It is not in MAAS, or not visible to the owner of this key.",
  invalid: "MAAS's own words are in the message.",
  conflict: "The machine is in a state in which MAAS does not allow this. Look at it in MAAS.",
  busy: "MAAS is starting, or has no rack controller for this. Try again in a minute.",
  failed: "Look at the log of MAAS's region controller.",
  protocol: "No MAAS version that is known here (3.3 to 3.8) answers so.",
} as const;

export type MaasErrorCode = keyof typeof MAAS_ERRORS;

export interface MaasErrorOptions {
  readonly hint?: string;
  /** HTTP status, where there was an answer. */
  readonly status?: number;
  /** What MAAS said of single fields of a form. */
  readonly fields?: Readonly<Record<string, readonly string[]>>;
  readonly cause?: unknown;
}

/** What and why in the message, what next in the hint. */
export class MaasError extends Error {
  override readonly name = "MaasError";
  readonly code: MaasErrorCode;
  readonly hint: string;
  readonly status: number | undefined;
  readonly fields: Readonly<Record<string, readonly string[]>>;

  constructor(code: MaasErrorCode, message: string, options: MaasErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? MAAS_ERRORS[code];
    this.status = options.status;
    this.fields = options.fields ?? {};
  }
}
