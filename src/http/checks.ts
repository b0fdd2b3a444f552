import { Listeners } from "../power/events.ts";

/** Machines that somebody asked to have measured, while they are. */
export class Checks {
  readonly #running = new Map<string, number>();
  readonly #listeners = new Listeners<string>();

  /** Tells the name of a machine whose check began or ended. Answers the function that ends it. */
  listen(listener: (machine: string) => void): () => void {
    return this.#listeners.listen(listener);
  }

  has(machine: string): boolean {
    return this.#running.has(machine);
  }

  async during<T>(machine: string, work: () => Promise<T>): Promise<T> {
    this.#count(machine, 1);
    try {
      return await work();
    } finally {
      this.#count(machine, -1);
    }
  }

  #count(machine: string, by: 1 | -1): void {
    const before = this.#running.get(machine) ?? 0;
    if (before + by > 0) this.#running.set(machine, before + by);
    else this.#running.delete(machine);
    if (before === 0 || before + by === 0) this.#listeners.tell(machine);
  }
}
