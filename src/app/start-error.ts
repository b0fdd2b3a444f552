/** Why the daemon cannot start: what and why in the message, what next in the hint; and the exit code. */
export class StartError extends Error {
  override readonly name = "StartError";
  readonly hint: string;
  readonly exitCode: number;

  constructor(
    message: string,
    options: { readonly hint: string; readonly exitCode?: number; readonly cause?: unknown },
  ) {
    super(message, { cause: options.cause });
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? 1;
  }
}
