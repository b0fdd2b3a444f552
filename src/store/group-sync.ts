/**
 * Brings what was written to the disk, past the system's cache, while everything else goes on. Whoever comes while one
 * sync is under way waits for the next, together with all others: it may have missed what was written since it began.
 */
import { open } from "node:fs/promises";

export class GroupSync {
  readonly #sync: () => Promise<void>;
  /** Was anything written since the last sync began? */
  #written = false;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(sync: () => Promise<void>) {
    this.#sync = sync;
  }

  /** Something was written that is to be synced. */
  wrote(): void {
    this.#written = true;
  }

  /** Resolves when what was written before this call is on the disk. Rejects with what the sync threw. */
  wait(): Promise<void> {
    if (!this.#written) return this.#running ?? Promise.resolve();
    if (!this.#running) return this.#begin();
    this.#next ??= this.#running.then(noop, noop).then(() => {
      this.#next = undefined;
      return this.#begin();
    });
    return this.#next;
  }

  #begin(): Promise<void> {
    this.#written = false;
    const done = (failed: boolean) => {
      this.#running = undefined;
      this.#written ||= failed;
    };
    this.#running = this.#sync().then(
      () => done(false),
      (error: unknown) => {
        done(true);
        throw error;
      },
    );
    return this.#running;
  }
}

/**
 * By a descriptor of its own, for the one it was written by may be closed meanwhile. Resolves with the number of the file
 * that stands there (inode), undefined where there is none. Rejects where it cannot be synced.
 */
export async function syncFile(path: string): Promise<number | undefined> {
  const file = await open(path, "r+").catch(ifThere);
  if (!file) return undefined;
  try {
    await file.datasync();
    return (await file.stat()).ino;
  } finally {
    await file.close();
  }
}

function ifThere(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}

function noop(): void {}
