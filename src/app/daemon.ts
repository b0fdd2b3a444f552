/** Builds the daemon out of all rooms, starts it, and disposes it in reverse. */

import { accessSync, constants, mkdirSync } from "node:fs";
import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { dirname } from "node:path";
import type { Configuration, Loaded } from "../config/index.ts";
import type { DaemonStatus } from "../http/api.ts";
import { Authenticator, localPrincipal } from "../http/auth.ts";
import type { Principal } from "../http/principal.ts";
import { buildServer, type Handler } from "../http/server.ts";
import { Sightings } from "../http/sightings.ts";
import { type Clock, systemClock } from "../power/clock.ts";
import { PowerController } from "../power/controller.ts";
import { messageOf } from "../power/errors.ts";
import type { PowerSignal } from "../power/events.ts";
import { Credentials, generatedToken } from "../store/credentials.ts";
import { SqliteJournal } from "../store/journal.ts";
import { FileMemory } from "../store/memory.ts";
import { pathsBeside, type StorePaths } from "../store/paths.ts";
import { Disposers } from "./disposers.ts";
import { closeServer, describeServer, isLocalAddress, listen, listenOnPath } from "./listen.ts";
import type { Log } from "./log.ts";
import { Poller } from "./poller.ts";
import { type Reload, Reloader } from "./reloader.ts";
import { StartError } from "./start-error.ts";
import { version } from "./version.ts";

const RETENTION_EVERY_MS = 3_600_000;
const CREDENTIALS_EVERY_MS = 1_000;

export interface DaemonOptions {
  readonly configuration: Configuration;
  readonly log: Log;
  readonly env: NodeJS.ProcessEnv;
  /** Reads the configuration again; absent where there is no file to read. */
  readonly load?: () => Promise<Loaded>;
  /** Time for everything that concerns power. Absent: the system's. */
  readonly clock?: Clock;
}

export interface Daemon extends AsyncDisposable {
  readonly power: PowerController;
  readonly paths: StorePaths;
  /** The token made on first start, where nobody configured any credential. */
  readonly token: string | undefined;
  /** How MAAS reaches it, as configured or guessed. */
  readonly url: string;
  readonly addresses: readonly string[];
  /** Reads the configuration again, and takes it over. */
  reload(): Promise<Reload>;
}

/** Builds and starts everything. Throws StartError; then nothing is left running. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const disposers = new Disposers();
  try {
    return await build(options, disposers);
  } catch (error) {
    await disposers[Symbol.asyncDispose]();
    throw error;
  }
}

async function build(options: DaemonOptions, disposers: Disposers): Promise<Daemon> {
  const { configuration, log, env, clock = systemClock } = options;
  const { hold, shutdownGrace } = configuration.server;
  const paths = pathsBeside(configuration.store.path);
  prepareFolder(dirname(paths.database));
  const credentials = new Credentials(paths.credentials);
  const token = await tokenIfNeeded(configuration, credentials, paths);
  watchCredentials(credentials, log, disposers);

  const journal = await new SqliteJournal({
    path: paths.database,
    keep: configuration.store.keep,
    now: () => clock.now(),
    onProblem: (problem) =>
      problem === undefined
        ? log.info("the journal works again")
        : log.error({ problem }, "the journal is not complete"),
  }).open();
  disposers.defer(() => journal.close());
  every(RETENTION_EVERY_MS, () => journal.forgetOld(), disposers);
  const memory = new FileMemory(paths.memory);
  if (memory.unreadable > 0) log.warn({ lines: memory.unreadable }, "lines of the memory file could not be read");
  disposers.defer(() => memory.close());

  const power = new PowerController({
    machines: configuration.machines,
    limits: configuration.limits,
    clock,
    journal,
    memory,
    lastOrders: journal.lastOrders(),
  });
  disposers.defer(power.listen((signal) => logSignal(log, signal)));

  const reloader = new Reloader({
    configuration,
    load: options.load ?? (() => Promise.resolve({ configuration, problems: [], drivers: [] })),
    difference: (next) => power.difference(next),
    apply: (next) => power.reconfigure(next),
    now: () => clock.now(),
    log,
  });
  disposers.defer(() => reloader[Symbol.asyncDispose]());
  const authenticator = new Authenticator({
    now: () => clock.now(),
    rules: () => [reloader.configuration.access, credentials.rules],
  });
  const localSockets = new WeakSet<Socket>();
  const authenticate = (request: IncomingMessage): Principal | Promise<Principal> =>
    localSockets.has(request.socket)
      ? localPrincipal(localAccount(request))
      : authenticator.authenticate(request.headers.authorization, () => request.socket.remoteAddress ?? "");

  const servers: Server[] = [];
  const sightings = new Sightings();
  const stopping = new AbortController();
  const startedAt = clock.now();
  const onFault = (error: unknown) => log.error(error, "a request failed by a fault of ours");
  const status = (): DaemonStatus => ({
    version,
    startedAt,
    pid: process.pid,
    configuration: configuration.file ?? null,
    listening: servers.map(describeServer),
    url: urlOf(configuration, servers),
    machines: power.names.length,
    configuredAt: reloader.loadedAt,
    warnings: reloader.configuration.warnings.map(({ code, message, file, line }) => ({ code, message, file, line })),
    problems: [journal.problem, memory.problem, credentials.problem, reloader.problem].filter(
      (problem) => problem !== undefined,
    ),
  });
  const loadApi = async (): Promise<Handler> => {
    const { buildApi } = await import("../http/api.ts");
    const reload = (how: { readonly dryRun: boolean }) => reloader.reload(how);
    const built = await buildApi({ power, history: journal, authenticate, status, reload, sightings, clock, onFault });
    disposers.defer(() => built.close());
    return built.handle;
  };
  let loaded: Promise<Handler> | undefined;
  const api = (): Promise<Handler> => {
    loaded ??= loadApi();
    return loaded;
  };
  const buildOne = () =>
    buildServer({
      maas: { power, clock, authenticate, sightings, hold, stopping: stopping.signal },
      api,
      onFault,
    });

  const local = await listenOnPath(
    buildOne().on("connection", (socket) => localSockets.add(socket)),
    paths.socket,
  );
  disposers.defer(() => closeServer(local));
  for (const address of configuration.server.listen) {
    for (const server of await listen(address, buildOne, env)) {
      servers.push(server);
      disposers.defer(() => closeServer(server));
    }
  }
  log.info({ version, machines: power.names.length, listening: servers.map(describeServer) }, "listening");
  power.start();
  const poller = new Poller(power, clock);

  return {
    power,
    paths,
    token,
    reload: () => reloader.reload(),
    get url() {
      return urlOf(configuration, servers);
    },
    get addresses() {
      return servers.map(describeServer);
    },
    // Held callers are answered first, then orders end or are parked, and the listeners go last.
    [Symbol.asyncDispose]: async () => {
      poller[Symbol.dispose]();
      stopping.abort();
      await power.stop(shutdownGrace);
      await disposers[Symbol.asyncDispose]();
    },
  };
}

function every(ms: number, work: () => unknown, disposers: Disposers): void {
  const timer = setInterval(work, ms);
  disposers.defer(() => clearInterval(timer));
}

/** What commands change counts within a second. A file that cannot be used is said once, and what was known goes on to count. */
function watchCredentials(credentials: Credentials, log: Log, disposers: Disposers): void {
  let said: string | undefined;
  const look = () => {
    credentials.refresh();
    const { problem } = credentials;
    if (problem === said) return;
    said = problem;
    if (problem === undefined) log.info("the credentials file can be used again");
    else log.error({ problem }, "the credentials file cannot be used");
  };
  look();
  every(CREDENTIALS_EVERY_MS, look, disposers);
}

function prepareFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw new StartError(`the folder ${folder} cannot be written, and the journal and the credentials are kept there`, {
      hint: "Make it writable for this account, or configure another: store: { path: /var/lib/maasochist/maasochist.db }",
      cause: error,
    });
  }
}

/** With no credential configured one token is made and kept, and only this host may reach the daemon. */
async function tokenIfNeeded(
  configuration: Configuration,
  credentials: Credentials,
  paths: StorePaths,
): Promise<string | undefined> {
  // Who stands in a damaged file nobody knows: that is no reason to let in somebody new.
  if (credentials.problem !== undefined) return undefined;
  const { access, server } = configuration;
  const made = credentials.rules.tokens.filter((known) => known.name !== "generated");
  if (access.tokens.length + access.users.length + made.length + credentials.rules.users.length > 0) return undefined;
  if (!server.listen.every(isLocalAddress)) {
    throw new StartError("no token and no user is configured, and the daemon is to listen beyond this host", {
      hint: "Make a token: maasochist token add maas --role maas. Or listen on 127.0.0.1 alone.",
      exitCode: 3,
    });
  }
  try {
    return await generatedToken(paths, credentials);
  } catch (error) {
    throw new StartError(`the first token cannot be kept beside ${paths.database}: ${messageOf(error)}`, {
      hint: "Make the folder writable for this account.",
      cause: error,
    });
  }
}

function localAccount(request: IncomingMessage): string {
  const account = request.headers["x-local-user"];
  return typeof account === "string" && /^[\w.@\\-]{1,64}$/.test(account) ? account : "somebody";
}

/** As configured; else the first address that others can reach, or what it listens on. */
function urlOf(configuration: Configuration, servers: readonly Server[]): string {
  if (configuration.server.url !== undefined) return configuration.server.url;
  const addresses = servers
    .map((server) => server.address())
    .filter((address) => typeof address === "object" && address !== null);
  const [first] = addresses;
  if (!first) return "http://127.0.0.1:6227";
  const anywhere = first.address === "0.0.0.0" || first.address === "::";
  const host = anywhere ? (ownAddress() ?? "127.0.0.1") : first.address;
  return `http://${host.includes(":") ? `[${host}]` : host}:${first.port}`;
}

function ownAddress(): string | undefined {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find((address) => address.family === "IPv4" && !address.internal)?.address;
}

function logSignal(log: Log, signal: PowerSignal): void {
  switch (signal.kind) {
    case "order:accepted": {
      const { id, machine, verb, actor, reason } = signal.order;
      log.info(
        { order: id, machine, verb, actor: actor.id, ...(reason !== undefined && { reason }) },
        "order accepted",
      );
      return;
    }
    case "order:ended": {
      const { id, machine, verb, state, grade, error, acceptedAt, endedAt } = signal.order;
      const facts = {
        order: id,
        machine,
        verb,
        state,
        grade,
        ms: Math.round((endedAt ?? acceptedAt) - acceptedAt),
        ...(error && { code: error.code, error: error.message }),
      };
      if (error) log.warn(facts, "order ended");
      else log.info(facts, "order ended");
      return;
    }
    case "order:updated":
      return;
    case "machine:changed":
      log.info(
        { machine: signal.machine, from: signal.from, to: signal.to, evidence: signal.evidence },
        "machine changed",
      );
      return;
    case "machine:unreadable":
      log.warn(
        { machine: signal.machine, code: signal.error.code, error: signal.error.message },
        "machine cannot be read",
      );
      return;
    case "machine:readable":
      log.info({ machine: signal.machine }, "machine can be read again");
      return;
    case "machine:locked":
    case "machine:unlocked":
      log.info({ machine: signal.machine, by: signal.by, reason: signal.reason }, signal.kind.replace(":", " "));
      return;
    case "hub:failing":
      log.warn(
        { hub: signal.hub, machines: signal.machines.length, code: signal.error.code, error: signal.error.message },
        "hub does not answer",
      );
      return;
    case "hub:answering":
      log.info({ hub: signal.hub, machines: signal.machines.length }, "hub answers again");
      return;
    case "hub:pinned":
      log.info({ hub: signal.hub, id: signal.id, by: signal.by }, "device behind the hub");
      return;
    // The reloader tells it with more.
    case "config:reloaded":
      return;
    case "journal:failed":
      log.error({ problem: signal.message }, "a record could not be written");
      return;
    default:
      signal satisfies never;
  }
}
