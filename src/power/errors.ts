/**
 * Every way in which power control fails, in one table. Callers decide by code, never by message text.
 * `docs/errors.md` is generated from this table.
 */

export interface ErrorFacts {
  /** May the same request succeed a moment later, without anybody changing anything? */
  readonly retry: boolean;
  /** HTTP status for a failed order. A failed query is always 503. */
  readonly http: number;
  /** What a person can do about it, where the thrower has nothing better to say. */
  readonly hint: string;
}

export const ERROR_TABLE = {
  unreachable: {
    retry: true,
    http: 503,
    hint: "Check that the device is powered, on the network and at the configured address.",
  },
  timeout: {
    retry: true,
    http: 504,
    hint: "The device did not answer in time. Check its network path, or raise `timeout`.",
  },
  auth: {
    retry: false,
    http: 502,
    hint: "The device refused the credentials. Check user, password, token or key.",
  },
  refused: { retry: false, http: 502, hint: "The device understood and said no. Its own words are in the message." },
  protocol: {
    retry: false,
    http: 502,
    hint: "The answer was not what this driver expects. Check the driver, the address and the firmware.",
  },
  not_found: {
    retry: false,
    http: 422,
    hint: "Check the name; `maasochist list` and `maasochist hubs` show what there is.",
  },
  busy: { retry: true, http: 503, hint: "Something else is under way. Try again in a moment." },
  wrong_device: {
    retry: false,
    http: 502,
    hint: "Another device answers at this address. If that is right, run `maasochist hubs trust NAME`.",
  },
  unproven: {
    retry: false,
    http: 504,
    hint: "The command was accepted, but the machine never showed the state. Look at the machine; raise `verify` if it is just slow.",
  },
  superseded: { retry: false, http: 409, hint: "A newer order for the same machine took its place." },
  locked: { retry: false, http: 423, hint: "Unlock it with `maasochist unlock NAME`." },
  protected: {
    retry: false,
    http: 403,
    hint: "The configuration protects this machine. An admin can pass with `--force`.",
  },
  disabled: { retry: false, http: 403, hint: "The configuration has `enabled: false` for this machine." },
  unsupported: {
    retry: false,
    http: 422,
    hint: "Nothing in this machine's configuration can do that. `maasochist config show` tells what can.",
  },
  config: { retry: false, http: 500, hint: "Correct the configuration; `maasochist config check` finds the line." },
} as const satisfies Record<string, ErrorFacts>;

/** What was thrown, in its own words. */
export function messageOf(thrown: unknown): string {
  if (typeof thrown === "object" && thrown !== null && "message" in thrown) return String(thrown.message);
  return String(thrown);
}

export type ErrorCode = keyof typeof ERROR_TABLE;

export const ERROR_CODES = Object.keys(ERROR_TABLE) as readonly ErrorCode[];

export interface PowerErrorOptions {
  /** What the failure came from; kept for the log, never shown to MAAS. */
  readonly cause?: unknown;
  /** What to do about it, where it is known better than the table knows. */
  readonly hint?: string;
  /**
   * Could the command have reached the device, so that repeating it might act twice?
   * Absent: false. Only meaningful for failures of a command.
   */
  readonly mayHaveActed?: boolean;
  /** Did the hub answer, and what is behind it is gone? Then the hub's other outlets are not spared. Absent: false. */
  readonly hubAnswered?: boolean;
  /** HTTP status, where it differs from the table's. */
  readonly status?: number;
}

/** The one error class of power control. */
export class PowerError extends Error {
  override readonly name = "PowerError";
  readonly code: ErrorCode;
  readonly hint: string;
  readonly mayHaveActed: boolean;
  readonly hubAnswered: boolean;
  /** HTTP status of a failed order. */
  readonly status: number;

  constructor(code: ErrorCode, message: string, options: PowerErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? ERROR_TABLE[code].hint;
    this.mayHaveActed = options.mayHaveActed ?? false;
    this.hubAnswered = options.hubAnswered ?? false;
    this.status = options.status ?? ERROR_TABLE[code].http;
  }

  /** The same failure, known to have possibly reached the device. */
  acted(): PowerError {
    return this.mayHaveActed
      ? this
      : new PowerError(this.code, this.message, {
          cause: this.cause,
          hint: this.hint,
          hubAnswered: this.hubAnswered,
          status: this.status,
          mayHaveActed: true,
        });
  }

  /**
   * Whatever was thrown, as a PowerError. An error that no driver classified is a fault of the
   * driver or of the device's answer: `protocol`.
   */
  static from(thrown: unknown): PowerError {
    if (thrown instanceof PowerError) return thrown;
    return new PowerError("protocol", messageOf(thrown), { cause: thrown });
  }
}
