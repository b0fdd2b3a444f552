/** The checks of `doctor`, one after the other. */
import { accessSync, constants, existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { Configuration } from "../config/index.ts";
import { CliError } from "./cli-error.ts";
import type { Client } from "./client.ts";
import type { Cli } from "./context.ts";
import type { Finding } from "./doctor.ts";
import { count, load } from "./load.ts";
import { locateStore } from "./locate.ts";
import { ago } from "./table.ts";
import { number } from "./words.ts";

/** MAAS polls each machine every 5 minutes; after three times that something is wrong. */
const POLL_OVERDUE_MS = 15 * 60_000;
/** Before this date no clock is right: the year this version was made. */
const EARLIEST = Date.UTC(2026, 0, 1);

export async function* examine(cli: Cli): AsyncGenerator<Finding> {
  yield { level: "ok", code: "node", message: `Node.js ${process.version}` };
  yield Date.now() < EARLIEST
    ? {
        level: "error",
        code: "clock",
        message: `the clock says ${new Date().toISOString()}`,
        next: "Set the time (NTP): the journal's times would be wrong.",
      }
    : { level: "ok", code: "clock", message: "the clock is plausible" };
  const { configuration, problems, file } = await load(cli);
  const shown = file ?? "the demonstration (no configuration was found)";
  if (configuration)
    yield {
      level: "ok",
      code: "config",
      message: `${shown} is valid: ${number(configuration.machines.length, "machine")}`,
    };
  else
    yield {
      level: "error",
      code: "config",
      message: `${shown} is invalid: ${count(problems)}`,
      next: "See them with: maasochist config check",
    };
  for (const { severity, code, message, file, line, hint } of problems) {
    yield { level: severity, code, message: `${file}:${line}: ${message}`, ...(hint !== undefined && { next: hint }) };
  }
  if (configuration) yield* files(cli);
  yield* daemon(cli, configuration);
}

async function* files(cli: Cli): AsyncGenerator<Finding> {
  const { paths } = await locateStore(cli);
  const folder = dirname(paths.database);
  if (!existsSync(folder)) yield { level: "ok", code: "store", message: `${folder} is made when the daemon starts` };
  else if (mayWrite(folder)) yield { level: "ok", code: "store", message: `${folder} can be written` };
  else
    yield {
      level: "warning",
      code: "store",
      message: `${folder} cannot be written by this account`,
      next: "That is fine if the daemon runs as another account; else change its owner, or `store: { path: … }`.",
    };
  if (process.platform === "win32") return;
  for (const path of [paths.credentials, paths.token, paths.memory]) {
    const found = await stat(path).catch(() => undefined);
    if (found && (found.mode & 0o077) !== 0)
      yield {
        level: "error",
        code: "file-mode",
        message: `${path} can be read by other users`,
        next: `Run: chmod 600 ${path}`,
      };
  }
}

async function* daemon(cli: Cli, configuration: Configuration | undefined): AsyncGenerator<Finding> {
  let client: Client;
  try {
    client = await cli.daemon();
  } catch (error) {
    const { message, hint } = error instanceof CliError ? error : new CliError(String(error));
    yield { level: "error", code: "daemon", message, ...(hint !== undefined && { next: hint }) };
    return;
  }
  const status = await client.status();
  yield {
    level: "ok",
    code: "daemon",
    message: `the daemon ${status.version} started ${ago(status.startedAt)}, listens on ${status.listening.join(", ")}`,
  };
  for (const problem of status.problems)
    yield { level: "error", code: "daemon-problem", message: problem, next: "See the daemon's log." };
  if (configuration && configuration.machines.length !== status.machines) {
    yield {
      level: "warning",
      code: "config-stale",
      message: `the daemon serves ${status.machines} machines, and the configuration has ${configuration.machines.length}`,
      next: "Restart the daemon to use the configuration as it stands.",
    };
  }
  yield /^https?:\/\/(\d+\.\d+\.\d+\.\d+|\[)/.test(status.url) && !/\/\/(127\.|\[::1\])/.test(status.url)
    ? { level: "ok", code: "url", message: `MAAS is to use ${status.url}` }
    : {
        level: "warning",
        code: "url-not-polled",
        message: `MAAS is to use ${status.url}, which it does not poll in the background`,
        next: "Listen on this host's address in a rack's subnet, and set `server.url` to it.",
      };
  for (const hub of await client.hubs()) {
    if (hub.failing)
      yield {
        level: "error",
        code: `hub-${hub.failing.code}`,
        message: `${hub.name} (${hub.driver}) began to fail ${ago(hub.failing.since)}: ${hub.failing.message}`,
        next: hub.failing.hint,
      };
  }
  yield* polls(client, status.startedAt);
}

async function* polls(client: Client, startedAt: number): AsyncGenerator<Finding> {
  const machines = await client.machines();
  const asked = machines.flatMap((machine) => (machine.polled ? [machine.polled] : []));
  const last = asked.toSorted((a, b) => b.at - a.at)[0];
  if (last)
    yield {
      level: "ok",
      code: "polled",
      message: `last asked by ${last.agent ?? "somebody"} at ${last.address ?? "?"}, ${ago(last.at)}`,
    };
  else
    yield {
      level: "warning",
      code: "never-polled",
      message: "MAAS has asked nothing since the daemon started",
      next: "Enter the addresses in MAAS (docs/maas.md), and press Check power there.",
    };
  const overdue = machines.filter(
    (machine) =>
      machine.polled && Date.now() - machine.polled.at > POLL_OVERDUE_MS && Date.now() - startedAt > POLL_OVERDUE_MS,
  );
  for (const { name, polled } of overdue) {
    yield {
      level: "warning",
      code: "poll-overdue",
      message: `MAAS asked for ${name} ${ago(polled?.at)}; it should every 5 minutes`,
      next: "Is the address a literal IP in a rack's subnet, and the machine not broken in MAAS?",
    };
  }
}

function mayWrite(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
