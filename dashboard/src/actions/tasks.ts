/** What was asked for here and how far it is: shown in a corner until it ended well, or until somebody read why not. */
import { useSyncExternalStore } from "react";
import type { Failure } from "../api/types.ts";
import { announce } from "../state/announce.ts";
import { number } from "../words/words.ts";

export interface Failed {
  readonly machine: string;
  readonly failure: Failure;
}

export interface Task {
  readonly id: number;
  /** `Powering off` … */
  readonly doing: string;
  /** … `powered off`. */
  readonly done: string;
  readonly total: number;
  readonly ended: number;
  readonly failed: readonly Failed[];
}

const SHOWN_MS = 6_000;

let tasks: readonly Task[] = [];
let lastId = 0;
const listeners = new Set<() => void>();

function set(next: readonly Task[]): void {
  tasks = next;
  for (const listener of listeners) listener();
}

export interface Progress {
  /** One machine is through with it. */
  readonly end: (failed?: Failed) => void;
}

export function startTask(words: Pick<Task, "doing" | "done">, total: number): Progress {
  lastId += 1;
  const id = lastId;
  set([...tasks, { ...words, id, total, ended: 0, failed: [] }]);
  announce(`${words.doing} ${number(total, "machine")}`);
  return {
    end: (failed) => {
      const before = tasks.find((task) => task.id === id);
      if (!before) return;
      const task = { ...before, ended: before.ended + 1, failed: failed ? [...before.failed, failed] : before.failed };
      set(tasks.map((other) => (other.id === id ? task : other)));
      if (task.ended < task.total) return;
      announce(taskWords(task));
      if (task.failed.length === 0) setTimeout(() => dismiss(id), SHOWN_MS);
    },
  };
}

export function dismiss(id: number): void {
  set(tasks.filter((task) => task.id !== id));
}

export function useTasks(): readonly Task[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => tasks,
  );
}

/** `Powering off 1 of 2 machines…`, `2 machines powered off`, `1 of 2 machines powered off`. */
export function taskWords({ doing, done, total, ended, failed }: Task): string {
  if (ended < total)
    return total === 1 ? `${doing} 1 machine…` : `${doing} ${ended + 1} of ${number(total, "machine")}…`;
  if (failed.length === 0) return `${number(total, "machine")} ${done}`;
  return `${total - failed.length} of ${number(total, "machine")} ${done}`;
}
