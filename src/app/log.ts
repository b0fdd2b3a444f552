/** Structured logs: one JSON object a line, or readable lines on a terminal. Loaded only by the daemon. */
import type { Logger } from "pino";
import { pino } from "pino";

export type Log = Logger;

/** Keys whose values never reach the log, wherever they stand. */
const REDACTED = ["authorization", "token", "password", "secret", "key"].flatMap((key) => [
  key,
  `*.${key}`,
  `*.*.${key}`,
]);

export interface LogOptions {
  readonly level: "debug" | "info" | "warn" | "error";
  /** Lines for people instead of JSON. */
  readonly pretty: boolean;
  readonly colours: boolean;
}

export async function createLog({ level, pretty, colours }: LogOptions): Promise<Log> {
  const options = { level, redact: { paths: REDACTED, censor: "•••" }, base: null };
  if (!pretty) return pino(options, pino.destination({ dest: 2, sync: true }));
  const { default: prettyStream } = await import("pino-pretty");
  return pino(
    options,
    prettyStream({ destination: 2, sync: true, translateTime: "SYS:HH:MM:ss", singleLine: true, colorize: colours }),
  );
}
