/**
 * What must be known of machines after a restart, whatever happened to the journal: one JSON line a change, the last one
 * of a machine counts. Compacted when opened, and when it has grown far beyond what it holds.
 */
import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { MachineMemory, Memory } from "../power/journal.ts";
import { writeAtomically } from "./atomic-file.ts";

interface Line {
  readonly machine: string;
  readonly memory: MachineMemory;
}

export class FileMemory implements Memory {
  readonly #path: string;
  readonly #memories = new Map<string, MachineMemory>();
  #file: number | undefined;
  #lines = 0;
  /** Lines that could not be read when it was opened. */
  readonly unreadable: number;

  /** Throws nothing: a file that cannot be read is as good as none, and `set` says what is wrong. */
  constructor(path: string) {
    this.#path = path;
    const lines = readLines(path);
    for (const line of lines) if (line) this.#memories.set(line.machine, line.memory);
    this.unreadable = lines.filter((line) => line === undefined).length;
    try {
      if (lines.length > 0) this.#compact();
    } catch {
      // Said by the first `set` that fails for the same reason.
    }
  }

  get(machine: string): MachineMemory {
    return this.#memories.get(machine) ?? {};
  }

  set(machine: string, memory: MachineMemory): void {
    this.#memories.set(machine, memory);
    if (this.#lines > 1_000 && this.#lines > 4 * this.#memories.size) this.#compact();
    else this.#append({ machine, memory });
  }

  #append(line: Line): void {
    if (this.#file === undefined) {
      mkdirSync(dirname(this.#path), { recursive: true });
      this.#file = openSync(this.#path, "a", 0o600);
    }
    writeSync(this.#file, `${JSON.stringify(line)}\n`);
    this.#lines += 1;
  }

  #compact(): void {
    this.close();
    const lines = [...this.#memories].map(([machine, memory]) => JSON.stringify({ machine, memory } satisfies Line));
    writeAtomically(this.#path, lines.map((line) => `${line}\n`).join(""));
    this.#lines = lines.length;
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}

function readLines(path: string): (Line | undefined)[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return [];
  }
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
  return (
    typeof value === "object" &&
    value !== null &&
    "machine" in value &&
    typeof value.machine === "string" &&
    "memory" in value &&
    typeof value.memory === "object" &&
    value.memory !== null
  );
}
