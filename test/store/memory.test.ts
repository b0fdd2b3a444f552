import { mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FileMemory } from "../../src/store/memory.ts";
import { until } from "../expecting.ts";
import { modeOf, OtherProcess, Shelf } from "./shelf.ts";

const ON = { last: { state: "on", at: 5 } } as const;
const OFF = { last: { state: "off", at: 9 }, openedAt: 8 } as const;

let shelf: Shelf;
let path: string;

beforeEach(() => {
  shelf = new Shelf();
  path = shelf.path("maasochist.memory.jsonl");
});
afterEach(() => {
  vi.useRealTimers();
  shelf[Symbol.dispose]();
});

/** What a daemon that starts now knows of machines. */
function known(...machines: readonly string[]): unknown[] {
  const memory = new FileMemory(path);
  memory.close();
  return machines.map((machine) => memory.get(machine));
}

describe("the memory of machines", () => {
  test("keeps the newest of each machine over a restart, for its own account alone", () => {
    const memory = new FileMemory(path);
    expect(memory.get("nuc1")).toEqual({});
    memory.set("nuc1", ON);
    memory.set("nuc2", ON);
    memory.set("nuc1", OFF);
    memory.close();
    expect(known("nuc1", "nuc2", "nuc3")).toEqual([OFF, ON, {}]);
    expect(modeOf(path)).toBe("600");
  });

  test("keeps where a machine was beside what it is", () => {
    const memory = new FileMemory(path);
    memory.set("nuc1", ON);
    memory.setPlace("nuc1", { address: "192.0.2.7", at: 1 });
    memory.setPlace("nuc1", { address: "192.0.2.8", at: 2 });
    memory.close();
    const again = new FileMemory(path);
    expect([again.place("nuc1"), again.place("nuc2"), again.get("nuc1"), again.unreadable]).toEqual([
      { address: "192.0.2.8", at: 2 },
      undefined,
      ON,
      0,
    ]);
    again.close();
  });

  test("loses nothing that was said to be kept when its process is killed", async () => {
    const other = new OtherProcess("remember", path);
    await until(() => other.lines.length > 50);
    await other.kill();
    const at = Number(other.lines.at(-1));
    const [memory] = known("nuc1") as [{ readonly openedAt: number }];
    // It may have kept one more than it came to say.
    expect([at, at + 1]).toContain(memory.openedAt);
  });

  test("reads past a torn last line and others that are none, and counts them", () => {
    const line = (machine: string) => JSON.stringify({ machine, memory: ON });
    const damaged = [
      "{}",
      '{"machine":"nuc4","memory":{"last":{"state":"maybe","at":1}}}',
      "\0\0\0",
      '{"machine":"nuc5"}',
    ];
    writeFileSync(path, [line("nuc1"), ...damaged, line("nuc2"), '{"machine":"nuc3","mem'].join("\n"));
    const memory = new FileMemory(path);
    expect(memory.unreadable).toBe(5);
    expect(memory.problem).toBeUndefined();
    memory.set("nuc3", OFF);
    memory.close();
    expect(known("nuc1", "nuc2", "nuc3", "nuc4")).toEqual([ON, ON, OFF, {}]);
    expect(new FileMemory(path).unreadable).toBe(0);
  });

  test("stays small however often a machine changes", () => {
    const memory = new FileMemory(path);
    memory.set("nuc2", ON);
    for (let at = 1; at <= 1_200; at++) memory.set("nuc1", { openedAt: at });
    memory.close();
    expect(readFileSync(path, "utf8").split("\n").length).toBeLessThan(400);
    expect(known("nuc1", "nuc2")).toEqual([{ openedAt: 1_200 }, ON]);
    expect(readFileSync(path, "utf8").split("\n")).toHaveLength(3);
    expect(modeOf(path)).toBe("600");
  });

  test("says when it cannot be written, goes on knowing, and keeps everything as soon as it can", () => {
    vi.useFakeTimers();
    const folder = shelf.path("not-yet");
    writeFileSync(folder, "a file where the folder is to be");
    path = `${folder}/memory.jsonl`;
    const memory = new FileMemory(path);
    expect(() => memory.set("nuc1", ON)).toThrow(/the memory of machines .*not-yet.* cannot be used/);
    expect(() => memory.set("nuc2", OFF)).toThrow("cannot be used");
    expect(memory.get("nuc1")).toEqual(ON);
    expect(memory.problem).toContain(path);
    rmSync(folder);
    memory.set("nuc3", ON);
    expect(memory.problem).toBeUndefined();
    memory.close();
    expect(known("nuc1", "nuc2", "nuc3")).toEqual([ON, OFF, ON]);
  });

  test("tries again by itself", () => {
    vi.useFakeTimers();
    mkdirSync(path);
    const memory = new FileMemory(path);
    expect(() => memory.set("nuc1", ON)).toThrow(/cannot be used/);
    vi.advanceTimersByTime(60_000);
    expect(memory.problem).toContain(path);
    rmdirSync(path);
    vi.advanceTimersByTime(5_000);
    expect(memory.problem).toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
    memory.close();
    expect(known("nuc1")).toEqual([ON]);
  });

  test("writes nothing over a file that it could not read", () => {
    vi.useFakeTimers();
    mkdirSync(path);
    const memory = new FileMemory(path);
    expect(() => memory.set("nuc1", OFF)).toThrow("cannot be used");
    rmdirSync(path);
    const lines = ["nuc1", "nuc2"].map((machine) => JSON.stringify({ machine, memory: ON }));
    writeFileSync(path, `${lines.join("\n")}\n`);
    vi.advanceTimersByTime(5_000);
    memory.close();
    expect(known("nuc1", "nuc2")).toEqual([OFF, ON]);
  });

  test("comes back whole where its file was taken away while it was in use", async () => {
    const memory = new FileMemory(path);
    memory.set("nuc1", ON);
    memory.set("nuc2", ON);
    rmSync(path);
    memory.set("nuc1", OFF);
    await memory.synced();
    memory.close();
    expect(known("nuc1", "nuc2")).toEqual([OFF, ON]);
  });
});
