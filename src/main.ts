#!/usr/bin/env node
/** Argv in, exit code out. */
import { runCli } from "./cli/program.ts";

process.exitCode = await runCli(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  in: process.stdin,
  interactive: process.stdin.isTTY === true && process.stderr.isTTY === true,
  outIsTerminal: process.stdout.isTTY === true,
  env: process.env,
  cwd: process.cwd(),
  columns: process.stdout.columns ?? 100,
});
