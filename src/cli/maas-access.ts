/** The MAAS that the commands speak to, and how its failures end a command. */
import { findMaas, keyIn, keyOf, type MaasAccess, type MaasSources, type NoMaas } from "../app/maas-access.ts";
import type { MaasClient, MaasClientOptions } from "../maas/client.ts";
import { MaasError, type MaasErrorCode } from "../maas/maas-error.ts";
import type { Secret } from "../power/secret.ts";
import { CliError } from "./cli-error.ts";
import type { Cli } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { seconds } from "./words.ts";

/** Which MAAS it is, with whose key. Throws CliError where either is missing. */
export function maasAccess(sources: MaasSources): MaasAccess {
  const found = findMaas(sources);
  if ("problem" in found) throw without(found);
  return found;
}

/** The key of the environment, where there is one. Throws CliError for what is none. */
export function keyFrom(env: NodeJS.ProcessEnv): Secret | undefined {
  const key = keyIn(env);
  if (key && "problem" in key) throw without(key);
  return key;
}

/** The key without blanks around it. Throws CliError for what is none, without quoting it. */
export function checkedKey(text: Secret, what: string): Secret {
  const key = keyOf(text, what);
  if ("problem" in key) throw without(key);
  return key;
}

function without({ kind, problem, hint }: NoMaas): CliError {
  return kind === "key"
    ? new CliError(problem, { exitCode: EXIT.usage, code: "usage", hint })
    : new CliError(problem, { exitCode: EXIT.config, code: "no_maas", hint });
}

/** A client that says so when it waits for MAAS. */
export async function openMaas(cli: Cli, options: MaasClientOptions): Promise<MaasClient> {
  const { MaasClient } = await import("../maas/client.ts");
  const onWait: MaasClientOptions["onWait"] = ({ message, waitMs }) =>
    cli.note(`${message}; again in ${seconds(waitMs)}`);
  return new MaasClient({ onWait, ...options });
}

const EXIT_CODES: Partial<Record<MaasErrorCode, number>> = {
  unreachable: EXIT.unreachable,
  timeout: EXIT.unreachable,
  tls: EXIT.unreachable,
  not_maas: EXIT.unreachable,
  busy: EXIT.unreachable,
  key: EXIT.denied,
  clock: EXIT.denied,
  forbidden: EXIT.denied,
};

/** A failure of MAAS as it ends a command; anything else as it is. */
export function maasFailure(error: unknown): unknown {
  if (!(error instanceof MaasError)) return error;
  const { message, hint, code } = error;
  return new CliError(message, { exitCode: EXIT_CODES[code] ?? EXIT.failed, code: `maas_${code}`, hint, cause: error });
}

/** Does the work; Ctrl-C ends it in an orderly way, a second one at once. Throws CliError for what MAAS refuses. */
export async function withMaas<T>(cli: Cli, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const over = new AbortController();
  const onInterrupt = () => {
    cli.note("");
    over.abort(new CliError("interrupted", { exitCode: EXIT.interrupted, code: "interrupted" }));
  };
  process.once("SIGINT", onInterrupt);
  try {
    return await work(over.signal);
  } catch (error) {
    throw maasFailure(error);
  } finally {
    process.off("SIGINT", onInterrupt);
  }
}
