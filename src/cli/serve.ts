import type { Command } from "commander";
import type { Daemon } from "../app/daemon.ts";
import type { Supervised } from "../app/notify.ts";
import { type Configuration, LOG_LEVELS, type LogLevel } from "../config/index.ts";
import { messageOf } from "../power/errors.ts";
import { CliError, wrongUsage } from "./cli-error.ts";
import type { Cli } from "./context.ts";
import { EXIT } from "./exit-codes.ts";

/** Ctrl-C reaches npm and the daemon, and npm passes it on: within this time (ms) a second signal is the same one. */
const SAME_SIGNAL_MS = 1_000;
const SIGNALS = ["SIGINT", "SIGTERM"] as const;

export function add(program: Command, cli: Cli): void {
  program
    .command("serve")
    .description(
      "Run the daemon in the foreground. Without a configuration: four simulated machines on 127.0.0.1:6227.",
    )
    .action(async () => {
      cli.goesOnUnread = true;
      const { loadValid } = await import("./load.ts");
      const configuration = await loadValid(cli);
      await serve(cli, configuration);
    });
}

async function serve(cli: Cli, configuration: Configuration): Promise<void> {
  const { createLog } = await import("../app/log.ts");
  const { startDaemon } = await import("../app/daemon.ts");
  const { StartError } = await import("../app/start-error.ts");
  const { SystemdNotifier } = await import("../app/notify.ts");
  const { watchFaults } = await import("../app/faults.ts");
  const level = logLevel(cli, configuration);
  const log = await createLog({
    level,
    pretty: cli.terminal.errIsTerminal && !cli.json,
    colours: cli.colourErrors,
  });
  for (const { code, message, file, line, hint } of configuration.warnings)
    log.warn({ code, at: `${file}:${line}`, hint }, message);
  using systemd = new SystemdNotifier(cli.terminal.env, log);
  const signalled = firstSignal();
  // One that comes before it serves is for a configuration that was read just now.
  let reload: (() => Promise<unknown>) | undefined;
  const onHangup = () => {
    reload?.().catch((error: unknown) =>
      log.error({ problem: messageOf(error) }, "the configuration could not be read"),
    );
  };
  if (process.platform !== "win32") process.on("SIGHUP", onHangup);
  let running: Daemon | undefined;
  watchFaults({
    log,
    count: () => running?.countFault(),
    end: async () => {
      systemd.stopping("Ending by a fault");
      await running?.[Symbol.asyncDispose]();
    },
  });
  try {
    const { load } = await import("./load.ts");
    const file = configuration.file;
    const daemon = await startDaemon({
      configuration,
      log,
      env: cli.terminal.env,
      ...(file !== undefined && { load: () => load(cli, file) }),
      onReload: {
        began: () => systemd.reloading(),
        ended: (now) => {
          log.level = logLevel(cli, now);
          if (running) systemd.ready(supervised(running));
        },
      },
    });
    running = daemon;
    reload = () => daemon.reload();
    systemd.ready(supervised(daemon));
    const { serveBanner } = await import("./serve-banner.ts");
    for (const line of serveBanner(daemon, { configuration, env: cli.terminal.env, calledAs: cli.calledAs }))
      cli.say(line);
    cli.data({ listening: daemon.addresses, url: daemon.url });
    const signal = await signalled;
    log.info({ signal }, "stopping; once more to stop at once");
    systemd.stopping(`Stopping: ${daemon.summary()}`);
    stopAtOnceOnNext();
    await daemon[Symbol.asyncDispose]();
    log.info("stopped");
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    const { message, hint, exitCode, cause } = error;
    const inUse = cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE";
    throw new CliError(message, {
      exitCode,
      hint: configuration.file === undefined && inUse ? ELSEWHERE : hint,
      code: "cannot_start",
      cause,
    });
  }
}

/** Flags first, then the environment, then the configuration. Throws CliError. */
function logLevel(cli: Cli, { log }: Configuration): LogLevel {
  if (cli.globals.verbose) return "debug";
  if (cli.globals.quiet) return "warn";
  const { MAASOCHIST_LOG_LEVEL: wished = "" } = cli.terminal.env;
  if (wished === "") return log.level ?? "info";
  const level = LOG_LEVELS.find((known) => known === wished);
  if (level) return level;
  throw wrongUsage(`MAASOCHIST_LOG_LEVEL is "${wished}", which is no level`, `Levels are ${LOG_LEVELS.join(", ")}.`);
}

function supervised(daemon: Daemon): Supervised {
  return { status: () => daemon.summary(), alive: () => daemon.alive() };
}

/** The demonstration has no file in which to write another address. */
const ELSEWHERE = `See which: ss -ltnp 'sport = :6227'. Stop it, or listen elsewhere with a configuration of your own; in a clone:
  npm start -- init lab --listen 127.0.0.1:6228
  npm start -- serve -c lab/maasochist.yaml`;

function firstSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of SIGNALS) process.once(signal, resolve);
  });
}

function stopAtOnceOnNext(): void {
  const since = performance.now();
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (performance.now() - since > SAME_SIGNAL_MS) process.exit(EXIT.interrupted);
    });
  }
}
