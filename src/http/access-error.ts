/** Why a caller is not let in, or not let do. */
export type AccessErrorKind = "unauthenticated" | "forbidden_network" | "throttled" | "forbidden";

interface AccessFacts {
  readonly status: number;
  readonly hint: string;
}

export const ACCESS_ERRORS = {
  unauthenticated: { status: 401, hint: "Send a token (`Authorization: Bearer …`) or a user and password (Basic)." },
  forbidden_network: { status: 403, hint: "The credential's `from` does not contain the caller's address." },
  throttled: { status: 429, hint: "Too many failed logins. Wait, and check the token or password." },
  forbidden: { status: 403, hint: "The credential's role or machines do not allow it." },
} as const satisfies Record<AccessErrorKind, AccessFacts>;

export class AccessError extends Error {
  override readonly name = "AccessError";
  readonly kind: AccessErrorKind;
  /** Seconds after which another attempt is looked at. */
  readonly retryAfter: number | undefined;

  constructor(kind: AccessErrorKind, message: string, options: { readonly retryAfter?: number } = {}) {
    super(message);
    this.kind = kind;
    this.retryAfter = options.retryAfter;
  }

  get status(): number {
    return ACCESS_ERRORS[this.kind].status;
  }

  get hint(): string {
    return ACCESS_ERRORS[this.kind].hint;
  }
}
