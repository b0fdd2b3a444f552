/** What is to be undone, in reverse; Node 20 has no AsyncDisposableStack. */
export class Disposers implements AsyncDisposable {
  readonly #disposers: (() => void | Promise<void>)[] = [];

  defer(dispose: () => unknown): void {
    this.#disposers.push(async () => {
      await dispose();
    });
  }

  /** Does it again and again, until it is undone. */
  every(ms: number, work: () => unknown): void {
    const timer = setInterval(work, ms);
    this.defer(() => clearInterval(timer));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (let dispose = this.#disposers.pop(); dispose; dispose = this.#disposers.pop()) await dispose();
  }
}
