/** A machine measured without being configured: what is learnt of it is forgotten, and hubs of its own are closed again. */
import type { Clock } from "./clock.ts";
import type { Hub } from "./hub.ts";
import { Hubs } from "./hubs.ts";
import type { Memory } from "./journal.ts";
import { Machine } from "./machine.ts";
import type { Reading } from "./reading.ts";
import { Remembered } from "./remembered.ts";
import type { HubSpec, MachineSpec } from "./spec.ts";

export interface TrialServices {
  readonly clock: Clock;
  /** Asked which devices are pinned; nothing is written to it. */
  readonly memory: Memory;
  /** A hub that the daemon has already. */
  readonly known: (spec: HubSpec) => Hub | undefined;
}

/** Throws PowerError, within 10 s at the latest. */
export async function tryOut(spec: MachineSpec, { clock, memory, known }: TrialServices): Promise<Reading> {
  const forgetful: Memory = {
    get: () => ({}),
    set: noop,
    pin: (hub) => memory.pin(hub),
    setPin: noop,
    synced: () => Promise.resolve(),
  };
  const hubs = new Hubs({ clock, memory: forgetful, tell: noop });
  try {
    const machine = new Machine(spec, {
      clock,
      remembered: (name) => new Remembered(name, { clock, memory: forgetful, tell: noop }),
      hub: (outlet) => known(outlet.hub) ?? hubs.get(outlet.hub),
      tell: noop,
      changed: noop,
      orderOf: noop,
    });
    return await machine.query();
  } finally {
    await hubs[Symbol.asyncDispose]();
  }
}

function noop(): undefined {}
