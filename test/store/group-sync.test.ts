import { describe, expect, test } from "vitest";
import { GroupSync } from "../../src/store/group-sync.ts";

/** A disk whose syncs end when the test says. */
class Disk {
  begun = 0;
  readonly #ends: ((error?: Error) => void)[] = [];
  readonly group = new GroupSync(() => {
    this.begun += 1;
    return new Promise((resolve, reject) => this.#ends.push((error) => (error ? reject(error) : resolve())));
  });

  async end(error?: Error): Promise<void> {
    this.#ends.shift()?.(error);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("syncing in groups", () => {
  test("serves all who come while one sync is under way by the next, and by one", async () => {
    const disk = new Disk();
    const done: string[] = [];
    const wait = (name: string) => {
      disk.group.wrote();
      return disk.group.wait().then(() => done.push(name));
    };
    void wait("first");
    for (const name of ["second", "third", "fourth"]) void wait(name);
    expect(disk.begun).toBe(1);
    await disk.end();
    expect(done).toEqual(["first"]);
    expect(disk.begun).toBe(2);
    await disk.end();
    expect(done).toEqual(["first", "second", "third", "fourth"]);
    expect(disk.begun).toBe(2);
  });

  test("waits for the sync under way where nothing was written since, and for none where all is on the disk", async () => {
    const disk = new Disk();
    await disk.group.wait();
    expect(disk.begun).toBe(0);
    disk.group.wrote();
    void disk.group.wait();
    let done = false;
    const waiting = disk.group.wait().then(() => {
      done = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect([disk.begun, done]).toEqual([1, false]);
    await disk.end();
    await waiting;
    expect(disk.begun).toBe(1);
  });

  test("tells a failure to those it concerns, and goes on with the next", async () => {
    const disk = new Disk();
    disk.group.wrote();
    const first = disk.group.wait();
    disk.group.wrote();
    const second = disk.group.wait();
    await Promise.all([expect(first).rejects.toThrow("no room"), disk.end(new Error("no room"))]);
    await disk.end();
    await expect(second).resolves.toBeUndefined();
  });
});
