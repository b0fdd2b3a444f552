import { EXIT } from "./exit-codes.ts";

/** Ends a command: what and why in the message, what next in the hint. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly exitCode: number;
  readonly hint: string | undefined;
  readonly code: string;

  constructor(
    message: string,
    options: {
      readonly exitCode?: number;
      readonly hint?: string | undefined;
      readonly code?: string;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, { cause: options.cause });
    this.exitCode = options.exitCode ?? EXIT.failed;
    this.hint = options.hint;
    this.code = options.code ?? "failed";
  }
}
