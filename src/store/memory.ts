/**
 * What must be known of machines and hubs after a restart, whatever happened to the journal: one JSON line a change, the
 * last one of a kind counts. Every line is synced soon after, for a power cut of the host is just when it is
 * needed, and many together, for a thousand machines may be told on at once. Compacted when opened, and when it has grown
 * far beyond what it holds. What could not be written is kept in memory; every further change, and a timer, tries again.
 */
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { messageOf } from "../power/errors.ts";
import type { MachineMemory, Memory, Pin } from "../power/journal.ts";
import { syncFolder, writeAtomically } from "./atomic-file.ts";
import { GroupSync, syncFile } from "./group-sync.ts";

/** Lines beyond which the file may be compacted. */
const WORTH_COMPACTING = 1_000;
const RETRY_MS = 5_000;

type Line =
  | { readonly machine: string; readonly memory: MachineMemory }
  /** Null: the pin was taken back. */
  | { readonly hub: string; readonly pin: Pin | null }
  /** Where a machine was that has no address of its own in the configuration. */
  | { readonly located: string; readonly place: Place };

interface Place {
  readonly address: string;
  /** Ms since 1970. */
  readonly at: number;
}

export class FileMemory implements Memory {
  readonly #path: string;
  /** The newest line of each machine, hub and place, by `keyOf`. */
  readonly #newest = new Map<string, Line>();
  /** Those whose newest line is not in the file yet, because it could not be written. */
  readonly #owed = new Set<string>();
  readonly #sync: GroupSync;
  #file: number | undefined;
  #loaded = false;
  #lines = 0;
  #unreadable = 0;
  /** May the file end in the middle of a line? */
  #torn = false;
  #problem: string | undefined;
  #retry: NodeJS.Timeout | undefined;

  /** Throws nothing: a file that cannot be read is as good as none, and `problem` says what is wrong. */
  constructor(path: string) {
    this.#path = path;
    this.#sync = new GroupSync(async () => {
      const written = this.#file === undefined ? undefined : fstatSync(this.#file).ino;
      const synced = await syncFile(path);
      // Taken away or replaced: what was written to the old one, nobody would read.
      if (written !== undefined && synced !== written && this.#file !== undefined) this.#compact();
    });
    this.#tryNow();
  }

  /** What is wrong with the file now; undefined when all is well. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Lines that could not be read when it was opened. */
  get unreadable(): number {
    return this.#unreadable;
  }

  get(machine: string): MachineMemory {
    const line = this.#newest.get(keyOf({ machine }));
    return line && "memory" in line ? line.memory : {};
  }

  set(machine: string, memory: MachineMemory): void {
    this.#put({ machine, memory });
  }

  pin(hub: string): Pin | undefined {
    const line = this.#newest.get(keyOf({ hub }));
    return line && "pin" in line ? (line.pin ?? undefined) : undefined;
  }

  setPin(hub: string, pin: Pin | undefined): void {
    this.#put({ hub, pin: pin ?? null });
  }

  async synced(): Promise<void> {
    try {
      await this.#sync.wait();
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** Where the machine was last. */
  place(machine: string): Place | undefined {
    const line = this.#newest.get(keyOf({ located: machine }));
    return line && "place" in line ? line.place : undefined;
  }

  /** Kept as above. */
  setPlace(machine: string, place: Place): void {
    this.#put({ located: machine, place });
  }

  #put(line: Line): void {
    const key = keyOf(line);
    this.#newest.set(key, line);
    this.#owed.add(key);
    try {
      this.#keep();
    } catch (error) {
      throw this.#failed(error);
    }
  }

  #tryNow(): void {
    try {
      this.#keep();
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): Error {
    this.#problem = `the memory of machines ${this.#path} cannot be used: ${messageOf(error)}`;
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      this.#tryNow();
    }, RETRY_MS).unref();
    return new Error(this.#problem, { cause: error });
  }

  #keep(): void {
    // What cannot be read is not written over: it may be readable again tomorrow.
    if (!this.#loaded) this.#load();
    const grown = this.#lines > WORTH_COMPACTING && this.#lines > 4 * this.#newest.size;
    if (grown) this.#compact();
    else if (this.#owed.size > 0) this.#append();
    else if (this.#lines > 0) this.#compact();
    this.#owed.clear();
    this.#problem = undefined;
    clearTimeout(this.#retry);
    this.#retry = undefined;
  }

  #load(): void {
    const text = readText(this.#path);
    const lines = linesOf(text);
    this.#torn = text !== "" && !text.endsWith("\n");
    this.#lines = lines.length;
    this.#unreadable = lines.filter((line) => line === undefined).length;
    for (const line of lines) if (line && !this.#owed.has(keyOf(line))) this.#newest.set(keyOf(line), line);
    this.#loaded = true;
  }

  #append(): void {
    if (this.#file === undefined) {
      const folder = dirname(this.#path);
      mkdirSync(folder, { recursive: true });
      this.#file = openSync(this.#path, "a", 0o600);
      syncFolder(folder);
    }
    const lines = [...this.#owed].map((key) => `${JSON.stringify(this.#newest.get(key))}\n`);
    const text = `${this.#torn ? "\n" : ""}${lines.join("")}`;
    this.#torn = true;
    writeFileSync(this.#file, text);
    this.#torn = false;
    this.#lines += lines.length;
    this.#sync.wrote();
    // Who must know that it is on the disk waits by itself.
    this.synced().catch(() => undefined);
  }

  #compact(): void {
    this.#letGo();
    writeAtomically(this.#path, [...this.#newest.values()].map((line) => `${JSON.stringify(line)}\n`).join(""));
    this.#torn = false;
    this.#lines = this.#newest.size;
  }

  #letGo(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  close(): void {
    clearTimeout(this.#retry);
    this.#letGo();
  }
}

/** What a file of this kind holds, to look at: changes are kept in this process alone. Of what cannot be read, nothing. */
export function recalled(path: string): Memory {
  const newest = new Map<string, Line>();
  try {
    for (const line of linesOf(readText(path))) if (line) newest.set(keyOf(line), line);
  } catch {
    // Of another account: as if nothing had happened yet.
  }
  const memories = new Map<string, MachineMemory>();
  const pins = new Map<string, Pin | undefined>();
  for (const line of newest.values()) {
    if ("memory" in line) memories.set(line.machine, line.memory);
    else if ("pin" in line) pins.set(line.hub, line.pin ?? undefined);
  }
  return {
    get: (machine) => memories.get(machine) ?? {},
    set: (machine, memory) => void memories.set(machine, memory),
    pin: (hub) => pins.get(hub),
    setPin: (hub, pin) => void pins.set(hub, pin),
    synced: () => Promise.resolve(),
  };
}

function keyOf(line: { readonly machine: string } | { readonly hub: string } | { readonly located: string }): string {
  if ("machine" in line) return `machine ${line.machine}`;
  return "hub" in line ? `hub ${line.hub}` : `place ${line.located}`;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  }
}

function linesOf(text: string): (Line | undefined)[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      try {
        const parsed: unknown = JSON.parse(line);
        return isLine(parsed) ? parsed : undefined;
      } catch {
        // A crash may have torn the last line.
        return undefined;
      }
    });
}

function isLine(value: unknown): value is Line {
  if (typeof value !== "object" || value === null) return false;
  const { machine, memory, hub, pin, located, place } = value as Record<string, unknown>;
  if (typeof machine === "string") return MEMORY.safeParse(memory).success;
  if (typeof hub === "string") return PIN.safeParse(pin).success;
  return typeof located === "string" && PLACE.safeParse(place).success;
}

const STATE = z.enum(["on", "off"]);
const MEMORY = z.object({
  last: z.object({ state: STATE, at: z.number() }).optional(),
  fed: z.boolean().optional(),
  openedAt: z.number().optional(),
  clouds: z
    .array(
      z.object({
        goal: STATE,
        of: z.enum(["machine", "supply"]),
        since: z.number(),
        until: z.number(),
        restarts: z.boolean().optional(),
        outlets: z.array(z.string()).optional(),
      }),
    )
    .optional(),
  lock: z.object({ by: z.string(), reason: z.string(), at: z.number() }).optional(),
});
const PIN = z.object({ id: z.string(), at: z.number() }).nullable();
const PLACE = z.object({ address: z.string(), at: z.number() });
