/**
 * What the state that Proxmox tells of a guest means.
 *
 *     status      running or stopped: is there a process
 *     qmpstatus   of virtual machines, what QEMU itself says: its RunState
 *     lock        backup, migrate, snapshot and others: what holds the guest
 *     ha          what the cluster's HA manager is about to do with it
 */
import type { Answer } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import { clip } from "./clip.ts";

export interface GuestState {
  /** In the cluster's table QEMU's own state, where there is one. */
  readonly status: string;
  readonly qmpstatus?: string | undefined;
  readonly lock?: string | undefined;
  /** Of the HA manager; absent where it does not manage the guest. */
  readonly ha?: string | undefined;
  readonly node: string;
}

/** States in which QEMU has a machine that is not off. https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html */
const RUNS: ReadonlySet<string> = new Set([
  "running",
  "paused",
  "suspended",
  "debug",
  "prelaunch",
  "inmigrate",
  "postmigrate",
  "finish-migrate",
  "restore-vm",
  "save-vm",
  "io-error",
  "internal-error",
  "guest-panicked",
  "watchdog",
  "colo",
]);
/** What the HA manager calls a guest that it starts, or starts again when it stops by itself. */
const HA_ON: ReadonlySet<string> = new Set(["started", "request_start", "request_start_balance"]);
const HA_OFF: ReadonlySet<string> = new Set(["stopped", "request_stop"]);

/** Throws PowerError `protocol` for a word that is no state. */
export function stateOf({ status, qmpstatus, lock, ha = "", node }: GuestState): Answer {
  const word = qmpstatus ?? status;
  const evidence = [`${clip(word)} on ${clip(node)}`, ...(lock ? [`locked: ${clip(lock)}`] : [])].join(", ");
  // A backup of a machine that is off needs QEMU, and leaves the machine unstarted in it.
  if (word === "stopped" || (word === "prelaunch" && lock === "backup"))
    return { state: "off", evidence, ...(HA_ON.has(ha) && { towards: "on" }) };
  // It went down, and QEMU is about to end.
  if (word === "shutdown") return { state: "on", evidence, towards: "off" };
  if (RUNS.has(word)) return { state: "on", evidence, ...(HA_OFF.has(ha) && { towards: "off" }) };
  if (word === "unknown") {
    const reason = `${clip(node)} has told nothing of it for minutes, or has just started`;
    return { state: "unknown", evidence, reason };
  }
  throw new PowerError("protocol", `Proxmox tells the state "${clip(word)}", which is none`);
}
