/**
 * Tells open pages what changes, as it changes.
 *
 * While nobody looks nothing is listened to. *Noting*: what changed is noted by name, so that a machine that changes ten
 * times within a moment is told once, as it then is. *Telling*: at most every 50 ms what was noted is made into one text
 * for all of a role who see every machine, written to each of them as it is, and into one of its own for each caller who does not. Of a
 * change of thousands at once only some are told each time, so that nothing else waits for it. A stream ends when its caller
 * hangs up or reads too slowly, within a second when its credential counts no more, and when the daemon stops. Nothing is
 * resumed: a page subscribes, then fetches, and does both again after a break.
 */
import type { ServerResponse } from "node:http";
import type { PowerSignal } from "../power/events.ts";
import type { Role } from "../power/order.ts";
import type { ApiServices } from "./api-services.ts";
import { beginStream, HEARTBEAT, HEARTBEAT_MS, writeStream } from "./event-source.ts";
import type { LiveEvent } from "./history.ts";
import { eventFrame, type Frame, hubFrame, machineFrame, removedFrame, statusFrame } from "./live-frames.ts";
import type { Principal } from "./principal.ts";

/** Least time between two tellings (ms). */
const EVERY_MS = 50;
/** Most of each kind that are told at once. */
const MOST_AT_ONCE = 200;
/** How often it is looked whether the daemon's own status changed, and whose credential counts still (ms). */
const LOOK_EVERY_MS = 1_000;

export type LiveServices = Pick<
  ApiServices,
  "power" | "history" | "sightings" | "checks" | "status" | "clock" | "metrics" | "onFault"
>;

interface Stream {
  readonly response: ServerResponse;
  readonly principal: Principal;
  /** Of a caller who sees every machine: it is told what others of its role are. Else undefined. */
  readonly role: Role | undefined;
}

export class Live {
  readonly #services: LiveServices;
  readonly #streams = new Set<Stream>();
  readonly #machines = new Set<string>();
  readonly #hubs = new Set<string>();
  readonly #removed: string[] = [];
  readonly #events: LiveEvent[] = [];
  #statusChanged = false;
  #timer: NodeJS.Timeout | undefined;
  #toldAt = 0;
  #leave: (() => void) | undefined;

  constructor(services: LiveServices) {
    this.#services = services;
  }

  open(response: ServerResponse, principal: Principal): void {
    const stream = { response, principal, role: principal.seesAll ? principal.actor.role : undefined };
    const { metrics } = this.#services;
    const ended = metrics.tallies.opened("live");
    this.#streams.add(stream);
    response.once("close", () => {
      ended();
      this.#streams.delete(stream);
      if (this.#streams.size === 0) this.#rest();
    });
    beginStream(response);
    this.#leave ??= this.#listen();
  }

  /** Ends the streams that are open. */
  close(): void {
    for (const { response } of this.#streams) response.end();
    this.#rest();
  }

  #listen(): () => void {
    const { power, history, sightings, checks } = this.#services;
    const machine = (name: string) => this.#note(() => this.#machines.add(name));
    const over = new AbortController();
    const leave = [
      power.listen((signal) => this.#heard(signal)),
      power.watch(machine),
      sightings.listen(machine),
      checks.listen(machine),
      history.follow((event) => this.#note(() => this.#events.push(event))),
      () => over.abort(),
    ];
    void this.#look(over.signal);
    return () => {
      for (const each of leave) each();
    };
  }

  #rest(): void {
    this.#leave?.();
    this.#leave = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const noted of [this.#machines, this.#hubs]) noted.clear();
    for (const noted of [this.#removed, this.#events]) noted.length = 0;
    this.#statusChanged = false;
  }

  #heard(signal: PowerSignal): void {
    this.#note(() => {
      if ("order" in signal && typeof signal.order === "object") this.#machines.add(signal.order.machine);
      else if ("machine" in signal) this.#machines.add(signal.machine);
      else if ("hub" in signal) this.#hubs.add(signal.hub);
      else {
        this.#statusChanged = true;
        if (signal.kind !== "config:reloaded") return;
        for (const name of [...signal.added, ...signal.changed]) this.#machines.add(name);
        this.#removed.push(...signal.removed);
        for (const hub of this.#services.power.hubs()) this.#hubs.add(hub.spec.name);
      }
    });
  }

  #note(what: () => unknown): void {
    what();
    if (this.#timer) return;
    const wait = Math.max(0, this.#toldAt + EVERY_MS - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      try {
        this.#tell();
      } catch (error) {
        this.#services.onFault(error);
      }
    }, wait);
  }

  #tell(): void {
    this.#toldAt = performance.now();
    const frames = this.#frames();
    const shared = new Map<Role, Buffer>();
    for (const { response, principal, role } of this.#streams) {
      const text = () => textFor(principal, frames);
      let chunk: string | Buffer;
      if (role === undefined) chunk = text();
      else {
        chunk = shared.get(role) ?? Buffer.from(text());
        shared.set(role, chunk);
      }
      if (chunk.length > 0) writeStream(response, chunk, () => principal.stands());
    }
    if (this.#machines.size + this.#hubs.size + this.#removed.length + this.#events.length > 0) this.#note(() => {});
  }

  /** What is told this time, taken off what was noted. */
  #frames(): Frame[] {
    const services = this.#services;
    const frames = [
      ...this.#removed.splice(0, MOST_AT_ONCE).map(removedFrame),
      ...take(this.#machines).map((name) => machineFrame(name, services)),
      ...take(this.#hubs).map((name) => hubFrame(name, services)),
      ...(this.#statusChanged ? [statusFrame(services)] : []),
      ...this.#events.splice(0, MOST_AT_ONCE).map(eventFrame),
    ];
    this.#statusChanged = false;
    return frames;
  }

  async #look(over: AbortSignal): Promise<void> {
    const { clock, status } = this.#services;
    let known = JSON.stringify(status());
    let beatAt = clock.now() + HEARTBEAT_MS;
    while (!over.aborted) {
      await clock.sleep(LOOK_EVERY_MS, over).catch(() => undefined);
      if (over.aborted) return;
      const now = JSON.stringify(status());
      if (now !== known) {
        this.#note(() => {
          this.#statusChanged = true;
        });
      }
      known = now;
      const beat = clock.now() >= beatAt;
      if (beat) beatAt = clock.now() + HEARTBEAT_MS;
      for (const { response, principal } of this.#streams) {
        if (beat) writeStream(response, HEARTBEAT, () => principal.stands());
        else if (!principal.stands()) response.end();
      }
    }
  }
}

function textFor(reader: Principal, frames: readonly Frame[]): string {
  let text = "";
  for (const frame of frames) text += frame(reader) ?? "";
  return text;
}

function take(names: Set<string>): string[] {
  const taken: string[] = [];
  for (const name of names) {
    if (taken.length === MOST_AT_ONCE) break;
    taken.push(name);
    names.delete(name);
  }
  return taken;
}
