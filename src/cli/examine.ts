/** The checks of `doctor`, one after the other. They read, and change and command nothing. */
import { existsSync } from "node:fs";
import type { MaasAccess } from "../app/maas-access.ts";
import type { Configuration, Problem } from "../config/index.ts";
import { MAAS_ERRORS } from "../maas/maas-error.ts";
import { Credentials } from "../store/credentials.ts";
import type { StorePaths } from "../store/paths.ts";
import { CliError } from "./cli-error.ts";
import type { Cli } from "./context.ts";
import { examineAddress } from "./examine-address.ts";
import { examineCertificates } from "./examine-certificates.ts";
import { examineDaemon, examineListening, meetDaemon } from "./examine-daemon.ts";
import { examineFiles } from "./examine-files.ts";
import { examineHost } from "./examine-host.ts";
import { examineHubs } from "./examine-hubs.ts";
import { examineMaas } from "./examine-maas.ts";
import { examinePolls } from "./examine-polls.ts";
import { type Finding, finding, type Topic } from "./findings.ts";
import { count, load } from "./load.ts";
import { locateStore } from "./locate.ts";
import { maasAccess, openMaas } from "./maas-access.ts";
import { daemonUrls } from "./maas-urls.ts";
import { ownSight } from "./own-sight.ts";
import { number } from "./words.ts";

/** A MAAS that is busy is told of, and not waited for (ms). */
const MAAS_PATIENCE_MS = 5_000;

/** What is looked at from here on, or what was found. */
export type Step = { readonly looking: Topic } | Finding;

export async function* examine(cli: Cli): AsyncGenerator<Step> {
  const { env } = cli.terminal;
  yield { looking: "This host" };
  yield* examineHost(cli);

  yield { looking: "Configuration" };
  const { configuration, problems, file } = await load(cli);
  yield* examineConfiguration({ configuration, problems, file });
  const { paths } = await locateStore(cli);
  yield { looking: "Files" };
  yield* examineFiles(paths, configuration);
  if (configuration) yield* examineCertificates(configuration);

  yield { looking: "Daemon" };
  const met = await meetDaemon(cli, paths.socket);
  if ("level" in met) {
    yield met;
    if (met.code === "daemon-absent" && configuration) yield* examineListening(configuration);
  } else yield* examineDaemon(met.client, met.status);
  const daemon = "level" in met ? undefined : met;

  yield { looking: "Where MAAS asks" };
  const urls = new Set([...(daemon ? [daemon.status.url] : []), ...(configuration?.server.urls ?? [])]);
  for (const url of urls) yield* examineAddress({ url, client: daemon?.client, hold: configuration?.server.hold, env });
  if (daemon) {
    yield { looking: "Hubs" };
    yield* examineHubs(daemon.client, configuration);
  } else if (configuration && "level" in met && met.code === "daemon-absent") {
    // One that is there and cannot be spoken to has the devices for itself.
    yield { looking: "Hubs" };
    await using sight = ownSight(configuration, paths);
    yield* examineHubs(sight, configuration);
  }
  if (daemon) {
    yield { looking: "Who asked" };
    yield* examinePolls(await daemon.client.machines(), daemon.status);
  }
  if (!configuration) return;
  yield { looking: "MAAS" };
  const known = new Set([...urls, ...(await daemonUrls(cli, configuration))]);
  yield* maas(cli, configuration, { urls: [...known], paths });
}

interface MaasContext {
  /** Every address under which MAAS may find the daemon. */
  readonly urls: readonly string[];
  readonly paths: StorePaths;
}

async function* maas(cli: Cli, configuration: Configuration, { urls, paths }: MaasContext): AsyncGenerator<Finding> {
  const { env } = cli.terminal;
  // Where nobody speaks of a MAAS there is nothing to say.
  if (!configuration.maas && !existsSync(paths.maas)) return;
  let access: MaasAccess;
  try {
    access = maasAccess({ maas: configuration.maas, paths, env });
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    const { message: problem, hint = MAAS_ERRORS.key } = error;
    yield finding("maas-no-key", { problem, hint });
    return;
  }
  await using client = await openMaas(cli, { ...access, patienceMs: MAAS_PATIENCE_MS });
  const credentials = new Credentials(paths.credentials);
  const rules = credentials.problem === undefined ? [configuration.access, credentials.rules] : undefined;
  yield* examineMaas({ client, configuration, urls, rules, env });
}

interface LoadedConfiguration {
  readonly configuration: Configuration | undefined;
  readonly problems: readonly Problem[];
  readonly file: string | undefined;
}

function* examineConfiguration({ configuration, problems, file }: LoadedConfiguration): Generator<Finding> {
  const shown = file ?? "the demonstration (no configuration was found)";
  yield configuration
    ? finding("configuration", { file: shown, machines: number(configuration.machines.length, "machine") })
    : finding("configuration-invalid", { file: shown, problems: count(problems) });
  for (const { severity, code, message, file: written, line, hint } of problems) {
    const facts = { place: `${written}:${line}`, problem: message, problemCode: code };
    yield finding(severity === "error" ? "configuration-error" : "configuration-warning", facts, { next: hint });
  }
}
