/**
 * Ends a program and everything that it started.
 *
 * A program of ours leads a group of its own, and a signal reaches the whole group. What left the group (setsid, sudo with
 * a terminal of its own) is found on Linux by its parents, as long as these live. Not found is what detached itself for
 * good, a daemon whose parent is gone; and no signal reaches what runs as another user.
 */
import { spawn } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";

/** Time between asking a tree to end and killing it (ms). */
const TERM_MS = 2_000;
/** Time that the killed have to be gone (ms). */
const KILL_MS = 500;
const POLL_MS = 25;

interface Member {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  /** With the pid it names one process for good: pids are used again. */
  readonly started: string;
}

/** Asks the tree of a group's leader to end, then kills it. False where something of it is left. */
export function killTree(leader: number): Promise<boolean> {
  return process.platform === "win32" ? killWindowsTree(leader) : killGroup(leader);
}

async function killGroup(leader: number): Promise<boolean> {
  let tree = await treeOf(leader, []);
  for (const { signal, forMs } of [
    { signal: "SIGTERM", forMs: TERM_MS },
    { signal: "SIGKILL", forMs: KILL_MS },
  ] as const) {
    send(-leader, signal);
    for (const { pid, group } of tree ?? []) if (group !== leader) send(pid, signal);
    const until = performance.now() + forMs;
    do {
      await pause(POLL_MS);
      // All processes are gone through only when those that are known seem to be gone: there may be thousands.
      if (await anyAlive(leader, tree)) continue;
      tree = tree && (await treeOf(leader, tree));
      if (!tree || tree.length === 0) return true;
    } while (performance.now() < until);
    tree = tree && (await treeOf(leader, tree));
  }
  return false;
}

/** What lives of the leader's group, of its descendants and of those of `known`; undefined where that cannot be told. */
async function treeOf(leader: number, known: readonly Member[]): Promise<readonly Member[] | undefined> {
  const others = new Set(await processes());
  if (others.size === 0) return undefined;
  const tree: Member[] = [];
  const pids = new Set([leader]);
  const identities = new Set(known.map(identity));
  for (let before = -1; before < tree.length; ) {
    before = tree.length;
    for (const member of others) {
      const ours = member.group === leader || pids.has(member.parent) || identities.has(identity(member));
      if (!ours) continue;
      others.delete(member);
      tree.push(member);
      pids.add(member.pid);
    }
  }
  return tree;
}

async function anyAlive(leader: number, tree: readonly Member[] | undefined): Promise<boolean> {
  if (!tree) return send(-leader, 0);
  const now = await Promise.all(tree.map(({ pid }) => memberOf(String(pid))));
  return tree.some((member, index) => now[index]?.started === member.started);
}

function identity({ pid, started }: Member): string {
  return `${pid} ${started}`;
}

/** Every process that lives, as Linux tells it under /proc; none elsewhere. */
async function processes(): Promise<readonly Member[]> {
  if (process.platform !== "linux") return [];
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const members = await Promise.all(pids.map(memberOf));
  return members.filter((member) => member !== undefined);
}

/** proc_pid_stat(5). Undefined where the process is gone, or dead and only not yet waited for. */
async function memberOf(pid: string): Promise<Member | undefined> {
  let stat: string;
  try {
    stat = await readFile(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined;
  }
  // The second field is the program's name in brackets, which may hold spaces and brackets itself.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state = "", parent, group] = fields;
  if (/[ZXx]/.test(state)) return undefined;
  return { pid: Number(pid), parent: Number(parent), group: Number(group), started: fields[19] ?? "" };
}

/** False where nobody is left to get it. */
function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    // Somebody is there, and may not be signalled by this account.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

async function killWindowsTree(leader: number): Promise<boolean> {
  const killer = spawn("taskkill", ["/pid", String(leader), "/T", "/F"], { stdio: "ignore", windowsHide: true });
  const code = await new Promise((resolve) => killer.once("exit", resolve).once("error", resolve));
  return code === 0;
}
