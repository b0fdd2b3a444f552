/**
 * Changes the configuration while the daemon runs: checked, compared, swapped in. One reload at a time.
 *
 * An invalid configuration changes nothing: the last good one goes on, and `problem` says so until a valid one comes.
 * What only a start can change (where it listens, where its store is, how long it holds) is told by name.
 */
import { watch } from "chokidar";
import type { Configuration, Loaded, Problem } from "../config/index.ts";
import type { Difference } from "../power/api.ts";
import { messageOf } from "../power/errors.ts";
import { sameData } from "../power/same-data.ts";
import type { Log } from "./log.ts";

/** A file that was changed is read when nobody has written to it for so long (ms). */
const SETTLED_MS = 300;

export interface ReloaderOptions {
  /** What the daemon started with. */
  readonly configuration: Configuration;
  /** Reads it again. */
  readonly load: () => Promise<Loaded>;
  readonly difference: (configuration: Configuration) => Difference;
  readonly apply: (configuration: Configuration) => Difference;
  readonly now: () => number;
  readonly log: Log;
  /** Told before it is read again, and when that is over, with the one that runs from then on. */
  readonly began?: () => void;
  readonly ended?: (running: Configuration) => void;
}

export interface Reload {
  /** False: it is invalid, or was only asked about. */
  readonly applied: boolean;
  /** Absent where it is invalid. */
  readonly difference?: Difference;
  /** Sections that differ from what the daemon was started with, and that only a restart changes. */
  readonly restart: readonly string[];
  readonly problems: readonly Problem[];
}

export class Reloader implements AsyncDisposable {
  readonly #options: ReloaderOptions;
  #configuration: Configuration;
  #loadedAt: number;
  #problem: string | undefined;
  #problems: readonly Problem[] = [];
  #running: Promise<unknown> = Promise.resolve();
  #watcher: ReturnType<typeof watch> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ReloaderOptions) {
    this.#options = options;
    this.#configuration = options.configuration;
    this.#loadedAt = options.now();
    this.#watch();
  }

  /** The one that runs. */
  get configuration(): Configuration {
    return this.#configuration;
  }

  /** Since when it runs (ms since 1970). */
  get loadedAt(): number {
    return this.#loadedAt;
  }

  /** What is wrong with the newest change, where it was not taken over. */
  get problems(): readonly Problem[] {
    return this.#problems;
  }

  /** Why the newest change was not taken over. */
  get problem(): string | undefined {
    return this.#problem;
  }

  reload({ dryRun = false }: { readonly dryRun?: boolean } = {}): Promise<Reload> {
    const result = this.#running.then(() => (dryRun ? this.#reload(true) : this.#told(() => this.#reload(false))));
    this.#running = result.catch(() => undefined);
    return result;
  }

  async #told<T>(reload: () => Promise<T>): Promise<T> {
    const { began, ended } = this.#options;
    began?.();
    try {
      return await reload();
    } finally {
      ended?.(this.#configuration);
    }
  }

  async #reload(dryRun: boolean): Promise<Reload> {
    const { load, difference, apply, now, log } = this.#options;
    const { configuration, problems } = await load();
    if (!configuration) {
      const errors = problems.filter((problem) => problem.severity === "error");
      const [first] = errors;
      const where = first ? `${first.file}:${first.line}: ${first.message}` : "it cannot be read";
      if (!dryRun) {
        this.#problems = problems;
        this.#problem = `the changed configuration is invalid, and the one from ${clockTime(this.#loadedAt)} goes on: ${where}`;
        log.error(
          { errors: errors.length, first: where },
          "the changed configuration is invalid; the last good one goes on",
        );
      }
      return { applied: false, restart: [], problems };
    }
    const restart = restartsFor(this.#options.configuration, configuration);
    if (dryRun) return { applied: false, difference: difference(configuration), restart, problems };
    const changes = apply(configuration);
    this.#configuration = configuration;
    this.#loadedAt = now();
    this.#problem = undefined;
    this.#problems = [];
    this.#watch();
    log.info({ ...changes, restart }, "the configuration was taken over");
    return { applied: true, difference: changes, restart, problems };
  }

  /** What it was made of, includes and secrets too. */
  #watch(): void {
    const files = this.#configuration.file === undefined ? [] : this.#configuration.watchedFiles;
    void this.#watcher?.close();
    this.#watcher = undefined;
    if (files.length === 0) return;
    this.#watcher = watch([...files], { ignoreInitial: true });
    this.#watcher.on("all", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => {
        this.reload().catch((error: unknown) =>
          this.#options.log.error({ problem: messageOf(error) }, "the configuration could not be read"),
        );
      }, SETTLED_MS);
    });
    this.#watcher.on("error", (error) =>
      this.#options.log.warn(
        { problem: messageOf(error) },
        "the configuration is not watched; use `maasochist reload`",
      ),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    await this.#watcher?.close();
    await this.#running;
  }
}

function restartsFor(before: Configuration, after: Configuration): string[] {
  const changed = (a: unknown, b: unknown, name: string) => (sameData(a, b) ? [] : [name]);
  return [...changed(before.server, after.server, "server"), ...changed(before.store, after.store, "store")];
}

function clockTime(time: number): string {
  return new Date(time).toLocaleTimeString("en-GB");
}
