import { EXIT } from "./exit-codes.ts";

interface CliErrorOptions {
  readonly exitCode?: number;
  readonly hint?: string | undefined;
  readonly code?: string;
  /** For programs: what people are told beforehand, line by line. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** Ends a command: what and why in the message, what next in the hint. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly exitCode: number;
  readonly hint: string | undefined;
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(message: string, options: CliErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.exitCode = options.exitCode ?? EXIT.failed;
    this.hint = options.hint;
    this.code = options.code ?? "failed";
    this.details = options.details ?? {};
  }
}

/** The command was called in a way that makes no sense. */
export function wrongUsage(message: string, hint?: string): CliError {
  return new CliError(message, { exitCode: EXIT.usage, code: "usage", hint });
}

/** There is no such thing; the hint says where they are listed. */
export function notFound(message: string, hint: string): CliError {
  return new CliError(message, { exitCode: EXIT.usage, code: "not_found", hint });
}
