/** Builds the daemon out of all rooms, starts it, and disposes it in reverse. */

import { accessSync, constants, mkdirSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { dirname, join } from "node:path";
import type { Configuration, Loaded } from "../config/index.ts";
import type { DaemonStatus } from "../http/api.ts";
import { addressOf } from "../http/arrival.ts";
import { Authenticator, localPrincipal } from "../http/auth.ts";
import type { Principal } from "../http/principal.ts";
import { Probes } from "../http/probes.ts";
import { RequestLog } from "../http/request-log.ts";
import { buildServer, type Handler, type ServerServices } from "../http/server.ts";
import { Sessions } from "../http/sessions.ts";
import { Sightings } from "../http/sightings.ts";
import { Tallies } from "../http/tallies.ts";
import { MaasAddresses } from "../maas/addresses.ts";
import { MaasDirectory } from "../maas/directory.ts";
import { type Clock, systemClock } from "../power/clock.ts";
import { PowerController } from "../power/controller.ts";
import type { PowerEvent } from "../power/events.ts";
import { Credentials } from "../store/credentials.ts";
import { SqliteJournal } from "../store/journal.ts";
import { FileMemory } from "../store/memory.ts";
import { pathsBeside, type StorePaths } from "../store/paths.ts";
import { Disposers } from "./disposers.ts";
import { tokenIfNeeded, watchCredentials } from "./first-access.ts";
import { closeServer, listenOnPath } from "./listen.ts";
import { Listeners } from "./listeners.ts";
import { type Log, requestSink } from "./log.ts";
import { logSignal } from "./log-signals.ts";
import { MaasFollower } from "./maas-follower.ts";
import { MaasLink } from "./maas-link.ts";
import { ownMachines } from "./own-machines.ts";
import { pageUrlOf, urlOf } from "./own-url.ts";
import { packageFolder } from "./package-folder.ts";
import { Poller } from "./poller.ts";
import { Refused } from "./refused.ts";
import { type Reload, Reloader } from "./reloader.ts";
import { StartError } from "./start-error.ts";
import { version } from "./version.ts";

/** Where the build puts the dashboard. */
const DASHBOARD = join(packageFolder, "dist", "dashboard");
const RETENTION_EVERY_MS = 3_600_000;
/** The poller turns every second; for so long it may be late (ms). */
const ALIVE_WITHIN_MS = 15_000;

export interface DaemonOptions {
  readonly configuration: Configuration;
  readonly log: Log;
  readonly env: NodeJS.ProcessEnv;
  /** Reads the configuration again; absent where there is no file to read. */
  readonly load?: () => Promise<Loaded>;
  /** Time for everything that concerns power. Absent: the system's. */
  readonly clock?: Clock;
  /** Told when it begins to read its configuration again, and when it has, with the one that runs from then on. */
  readonly onReload?: { readonly began: () => void; readonly ended: (running: Configuration) => void };
}

export interface Daemon extends AsyncDisposable {
  readonly power: PowerController;
  readonly paths: StorePaths;
  /** The token made on first start, where nobody configured any credential. */
  readonly token: string | undefined;
  /** How MAAS reaches it, as configured or guessed. */
  readonly url: string;
  /** Where its dashboard is opened; undefined where no listener serves it. */
  readonly pageUrl: string | undefined;
  readonly addresses: readonly string[];
  /** Addresses to listen on that the host does not have yet. */
  readonly waitingFor: readonly string[];
  /** Reads the configuration again, and takes it over. */
  reload(): Promise<Reload>;
  /** One line of what it serves, and what is wrong with it. */
  summary(): string;
  /** Does power control still turn? False is for a supervisor to start it anew. */
  alive(): boolean;
  /** Counts a fault that nobody caught. */
  countFault(): void;
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
  disposers.every(RETENTION_EVERY_MS, () => journal.forgetOld());
  const memory = new FileMemory(paths.memory);
  if (memory.unreadable > 0) log.warn({ lines: memory.unreadable }, "lines of the memory file could not be read");
  disposers.defer(() => memory.close());

  const link = new MaasLink({ configuration: () => reloader.configuration, paths, env });
  disposers.defer(() => link[Symbol.asyncDispose]());
  const directory = new MaasDirectory({
    own: () => ownMachines(reloader.configuration),
    client: () => link.client(),
    now: () => clock.now(),
  });
  disposers.defer(() => directory[Symbol.dispose]());
  const power = new PowerController({
    machines: configuration.machines,
    limits: configuration.limits,
    clock,
    journal,
    memory,
    addresses: new MaasAddresses({ directory, memory, now: () => clock.now() }),
    lastOrders: journal.lastOrders(),
  });
  disposers.defer(power.listen((signal) => logSignal(log, signal)));
  const tallies = new Tallies();
  disposers.defer(power.listen((signal) => tallies.hear(signal)));

  const reloader = new Reloader({
    configuration,
    load: options.load ?? (() => Promise.resolve({ configuration, problems: [], drivers: [] })),
    difference: (next) => power.difference(next),
    apply: (next) => power.reconfigure(next),
    now: () => clock.now(),
    log,
    ...options.onReload,
  });
  disposers.defer(() => reloader[Symbol.asyncDispose]());
  const authenticator = new Authenticator({
    now: () => clock.now(),
    rules: () => [reloader.configuration.access, credentials.rules],
  });
  const localSockets = new WeakSet<Socket>();
  const localCaller = (request: IncomingMessage): Principal | undefined =>
    localSockets.has(request.socket) ? localPrincipal(localAccount(request)) : undefined;
  const sessions = new Sessions({ authenticator, now: () => clock.now(), base: configuration.server.basePath });
  const note = (event: PowerEvent) => {
    logSignal(log, event);
    journal.note(event);
  };

  let listeners: Listeners | undefined;
  const servers = () => listeners?.servers ?? [];
  const sightings = new Sightings();
  const probes = new Probes();
  const stopping = new AbortController();
  const startedAt = clock.now();
  const onFault = (error: unknown, request?: string) => {
    tallies.fault();
    log.error({ err: error, ...(request !== undefined && { request }) }, "a request failed by a fault of ours");
  };
  const requests = new RequestLog(requestSink(log), () => clock.now());
  const troubles = () => ({
    journal: journal.problem,
    memory: memory.problem,
    credentials: credentials.problem,
    configuration: reloader.problem,
    listening: listeners?.problem,
    certificate: listeners?.certificateProblem,
  });
  const status = (): DaemonStatus => ({
    version,
    startedAt,
    pid: process.pid,
    configuration: configuration.file ?? null,
    listening: listeners?.addresses ?? [],
    url: urlOf(configuration.server, servers()),
    ...(listeners && listeners.certificates.length > 0 && { certificates: listeners.certificates }),
    machines: power.names.length,
    ...(directory.silence && { maasSilent: directory.silence }),
    configuredAt: reloader.loadedAt,
    warnings: reloader.configuration.warnings.map(({ code, message, file, line }) => ({ code, message, file, line })),
    problems: Object.values(troubles()).filter((problem) => problem !== undefined),
  });
  const loadApi = async (): Promise<Handler> => {
    const { buildApi } = await import("../http/api.ts");
    const { configurationServices } = await import("./configuration-services.ts");
    const built = await buildApi({
      power,
      history: journal,
      authenticate: (request) => localCaller(request) ?? sessions.authenticate(request),
      access: { sessions, credentials, configured: () => reloader.configuration.access, version, note },
      status,
      configuration: configurationServices(reloader, { env, measure: (machine) => power.tryOut(machine) }),
      sightings,
      maas: (machine) => directory.of(machine),
      probes,
      metrics: {
        power,
        tallies,
        sightings,
        version,
        troubles,
        configuredAt: () => reloader.loadedAt,
        openFrom: () => reloader.configuration.metrics.from,
      },
      clock,
      onFault,
      answered: (answered) => requests.request(answered),
    });
    disposers.defer(() => built.close());
    return built.handle;
  };
  let loaded: Promise<Handler> | undefined;
  const api = (): Promise<Handler> => {
    loaded ??= loadApi();
    return loaded;
  };
  const page = async (): Promise<Handler> => {
    const { buildPage } = await import("../http/page.ts");
    return buildPage({ folder: DASHBOARD, base: configuration.server.basePath, onFault });
  };
  const refused = new Refused(log, () => clock.now());
  const services: ServerServices = {
    maas: {
      power,
      clock,
      // Never by a cookie: no page of any site may have a webhook called.
      authenticate: (request) =>
        localCaller(request) ?? authenticator.authenticate(request.headers.authorization, () => addressOf(request)),
      sightings,
      hold,
      stopping: stopping.signal,
      answered: (route, answered) => {
        tallies.webhook(route, answered.status);
        requests.webhook(answered);
      },
    },
    maaspower: () => reloader.configuration.compat.maaspower,
    probes,
    api,
    page,
    onFault,
    onRefused: (address, why) => refused.tell(address, why),
  };

  const local = await listenOnPath(
    buildServer(services).on("connection", (socket) => localSockets.add(socket)),
    paths.socket,
  );
  disposers.defer(() => closeServer(local));
  const { server } = configuration;
  listeners = await Listeners.open({
    server,
    build: (front) => buildServer(services, front),
    env,
    now: () => clock.now(),
    log,
  });
  const opened = listeners;
  disposers.defer(() => opened[Symbol.asyncDispose]());
  log.info({ version, machines: power.names.length, listening: opened.addresses }, "listening");
  power.start();
  const poller = new Poller(power, clock);
  const follower = new MaasFollower({ link, directory, power, clock, log });

  return {
    power,
    paths,
    token,
    reload: () => reloader.reload(),
    summary: () => summary(power, { addresses: opened.addresses, troubles: troubles() }),
    // The poller asks the controller at each turn, and turns no more where that throws.
    alive: () => clock.now() - poller.turnedAt < ALIVE_WITHIN_MS,
    countFault: () => tallies.fault(),
    get url() {
      return urlOf(server, opened.servers);
    },
    get pageUrl() {
      return pageUrlOf(server, opened.servers);
    },
    get addresses() {
      return opened.addresses;
    },
    get waitingFor() {
      return opened.waitingFor;
    },
    // Held callers are answered first, then orders end or are parked, and the listeners go last.
    [Symbol.asyncDispose]: async () => {
      poller[Symbol.dispose]();
      follower[Symbol.dispose]();
      stopping.abort();
      await power.stop(shutdownGrace);
      await disposers[Symbol.asyncDispose]();
    },
  };
}

interface SummaryOptions {
  readonly addresses: readonly string[];
  readonly troubles: Readonly<Record<string, string | undefined>>;
}

function summary(power: PowerController, { addresses, troubles }: SummaryOptions): string {
  const { length: machines } = power.names;
  const { length: orders } = power.orders();
  const wrong = Object.entries(troubles).flatMap(([part, trouble]) => (trouble === undefined ? [] : [part]));
  return [
    `${machines} machine${machines === 1 ? "" : "s"} on ${addresses.join(", ") || "no address yet"}`,
    ...(orders > 0 ? [`${orders} order${orders === 1 ? "" : "s"} under way`] : []),
    ...(wrong.length > 0 ? [`trouble with: ${wrong.join(", ")}`] : []),
  ].join("; ");
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

function localAccount(request: IncomingMessage): string {
  const account = request.headers["x-local-user"];
  return typeof account === "string" && /^[\w.@\\-]{1,64}$/.test(account) ? account : "somebody";
}
