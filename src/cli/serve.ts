import type { Command } from "commander";
import { CliError } from "./cli-error.ts";
import type { Cli } from "./context.ts";
import { EXIT } from "./exit-codes.ts";

export function add(program: Command, cli: Cli): void {
  program
    .command("serve")
    .description(
      "Run the daemon in the foreground. Without a configuration: four simulated machines on 127.0.0.1:6227.",
    )
    .action(async () => {
      const { createLog } = await import("../app/log.ts");
      const { startDaemon } = await import("../app/daemon.ts");
      const { StartError } = await import("../app/start-error.ts");
      const { loadForServe } = await import("./load.ts");
      const configuration = await loadForServe(cli);
      const pretty = cli.terminal.interactive && !cli.json;
      const log = await createLog({
        level: cli.globals.verbose ? "debug" : cli.globals.quiet ? "warn" : "info",
        pretty,
      });
      const stop = new Promise<NodeJS.Signals>((resolve) => {
        for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, resolve);
      });
      try {
        const daemon = await startDaemon({ configuration, log, env: cli.terminal.env });
        const { serveBanner } = await import("./serve-banner.ts");
        for (const line of serveBanner(daemon, configuration)) cli.say(line);
        cli.data({ listening: daemon.addresses, url: daemon.url });
        const signal = await stop;
        log.info({ signal }, "stopping; once more to stop at once");
        for (const again of ["SIGINT", "SIGTERM"] as const) process.once(again, () => process.exit(EXIT.interrupted));
        await daemon[Symbol.asyncDispose]();
        log.info("stopped");
      } catch (error) {
        if (!(error instanceof StartError)) throw error;
        throw new CliError(error.message, {
          exitCode: error.exitCode,
          hint: error.hint,
          code: "cannot_start",
          cause: error,
        });
      }
    });
}
