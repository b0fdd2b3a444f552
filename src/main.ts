#!/usr/bin/env node
/** Argv in, exit code out. */
import { runCli } from "./cli/program.ts";

// Somebody who reads no further (`| head`) is no failure, and no reason to crash.
const unread = new AbortController();
process.stdout.on("error", () => unread.abort());
process.stderr.on("error", () => undefined);

process.exitCode = await runCli(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  in: process.stdin,
  questions: process.stderr,
  interactive: process.stdin.isTTY === true && process.stderr.isTTY === true,
  outIsTerminal: process.stdout.isTTY === true,
  errIsTerminal: process.stderr.isTTY === true,
  unread: unread.signal,
  env: process.env,
  cwd: process.cwd(),
  get columns() {
    return process.stdout.columns ?? 100;
  },
});
