/** Structured logs: one JSON object a line, or readable lines on a terminal. Loaded only by the daemon. */
import type { Logger } from "pino";
import { pino } from "pino";
import type { LogLevel } from "../config/index.ts";
import type { RequestLogSink } from "../http/request-log.ts";
import { LogOutput } from "./log-output.ts";

export type Log = Logger;

/** Keys whose values never reach the log, wherever they stand. */
const REDACTED = ["authorization", "cookie", "token", "password", "secret", "key"].flatMap((key) => [
  key,
  `*.${key}`,
  `*.*.${key}`,
]);

const STANDARD_ERROR = 2;
/** Causes of causes that are told. */
const DEEPEST_CAUSE = 5;

export interface LogOptions {
  readonly level: LogLevel;
  /** Lines for people instead of JSON. */
  readonly pretty: boolean;
  readonly colours: boolean;
}

export async function createLog({ level, pretty, colours }: LogOptions): Promise<Log> {
  const options = {
    level,
    redact: { paths: REDACTED, censor: "•••" },
    base: null,
    serializers: { err: (thrown: unknown) => errorFacts(thrown) },
  };
  if (!pretty) {
    const output = new LogOutput(STANDARD_ERROR);
    process.on("exit", () => output.flush());
    return pino(options, output);
  }
  const { default: prettyStream } = await import("pino-pretty");
  return pino(
    options,
    prettyStream({
      destination: STANDARD_ERROR,
      sync: true,
      translateTime: "SYS:HH:MM:ss",
      singleLine: true,
      colorize: colours,
    }),
  );
}

/** Where requests are told of. */
export function requestSink(log: Log): RequestLogSink {
  return {
    debug: (facts, text) => log.debug(facts, text),
    info: (facts, text) => log.info(facts, text),
    get debugs() {
      return log.isLevelEnabled("debug");
    },
  };
}

/** Of an error that was thrown: its own words, and no properties, for libraries hang whole requests with their passwords on one. */
function errorFacts(thrown: unknown, depth = 0): unknown {
  if (!(thrown instanceof Error))
    return { message: typeof thrown === "string" ? thrown : `${typeof thrown} was thrown` };
  const { name, message, stack, cause } = thrown;
  return {
    type: name,
    ...("code" in thrown && { code: String(thrown.code) }),
    message,
    stack,
    ...(cause !== undefined && depth < DEEPEST_CAUSE && { cause: errorFacts(cause, depth + 1) }),
  };
}
