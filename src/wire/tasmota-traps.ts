/**
 * Settings of a Tasmota device that work against whoever switches it from afar. Each command without a value only tells:
 *
 *     Status      {"Status":{"FriendlyName":["Plug"],"PowerOnState":3,"PowerLock":"00",…}}
 *     PulseTime   {"PulseTime":{"Set":[0,113],"Remaining":[0,0]}}; older firmware {"PulseTime1":{"Set":0,"Remaining":0},…}
 *     Interlock   {"Interlock":"ON","Groups":"1,2 3,4"}
 *
 * https://tasmota.github.io/docs/Commands/, https://tasmota.github.io/docs/PowerOnState/
 */
import { z } from "zod";
import type { Trap } from "../power/driver.ts";

const STATUS = z.object({
  Status: z.object({
    FriendlyName: z.array(z.string()).default([]),
    PowerOnState: z.number().optional(),
    /** One digit for each relay, the first relay's last. */
    PowerLock: z.string().optional(),
  }),
});
const PULSE = z.object({ PulseTime: z.object({ Set: z.array(z.number()) }) });
const OLD_PULSES = z.record(z.string(), z.unknown());
const OLD_PULSE = z.object({ Set: z.number() });
const INTERLOCK = z.object({ Interlock: z.string(), Groups: z.string().default("") });

/** PowerOnState. */
const OPEN = 0;
const CLOSED = 1;
const TOGGLE = 2;
const ALWAYS_ON = 4;
const INVERTED_PULSE = 5;

export interface TasmotaTraps {
  /** Names of the relays, the first one's first. */
  readonly names: readonly string[];
  /** What the settings do to this relay against what is ordered, each in a few words. */
  remarks(relay: number): string[];
  /** The same in full, and what they do when mains return. */
  traps(relay: number): Trap[];
  /** Relays that closing this one opens. */
  rivals(relay: number): number[];
}

/** Without what cannot be read. `ask` answers the parsed answer to a command. Never throws. */
export async function readTraps(ask: (command: string) => Promise<unknown>): Promise<TasmotaTraps> {
  const told = async <T>(command: string, schema: z.ZodType<T>) =>
    schema.safeParse(await ask(command).catch(() => undefined)).data;
  const status = (await told("Status", STATUS))?.Status;
  const pulses = pulsesOf(await ask("PulseTime").catch(() => undefined));
  const interlock = await told("Interlock", INTERLOCK);
  const groups = interlock?.Interlock === "ON" ? groupsOf(interlock.Groups) : [];
  const rivals = (relay: number) =>
    groups.filter((group) => group.includes(relay)).flatMap((group) => group.filter((other) => other !== relay));
  const { PowerOnState: onPower, PowerLock: lock = "" } = status ?? {};
  const defeats = (relay: number): Trap[] => {
    const pulse = secondsOf(pulses.get(relay) ?? 0);
    const inverted = onPower === INVERTED_PULSE;
    const pulsed = inverted ? `closes it ${pulse} s after each off` : `opens it ${pulse} s after each on`;
    return [
      ...(onPower === ALWAYS_ON ? [trap("held", "PowerOnState 4 keeps it closed for ever", "PowerOnState 3")] : []),
      ...(onPower === TOGGLE ? [trap("mains", "PowerOnState 2 flips it when mains return", "PowerOnState 3")] : []),
      ...(lock.at(-relay) === "1" ? [trap("held", "PowerLock keeps it as it is", `PowerLock${relay} 0`)] : []),
      ...(pulse > 0 ? [trap("timer", `PulseTime ${pulsed}`, `PulseTime${relay} 0`)] : []),
      ...rivals(relay).map((other) =>
        trap("interlock", `Interlock opens relay ${other} when it closes`, "Interlock 0"),
      ),
    ];
  };
  return {
    names: status?.FriendlyName ?? [],
    rivals,
    remarks: (relay) => defeats(relay).map(({ problem }) => problem),
    traps: (relay) => [
      ...defeats(relay),
      ...(onPower === OPEN ? [trap("mains", "PowerOnState 0 leaves it open when mains return", "PowerOnState 3")] : []),
      ...(onPower === CLOSED ? [trap("mains", "PowerOnState 1 closes it when mains return", "PowerOnState 3")] : []),
    ],
  };
}

function trap(kind: Trap["kind"], problem: string, command: string): Trap {
  return { kind, problem, mend: `In its console: \`${command}\`.` };
}

/** As they are set, by relay. */
function pulsesOf(answer: unknown): ReadonlyMap<number, number> {
  const now = PULSE.safeParse(answer).data;
  if (now) return new Map(now.PulseTime.Set.map((value, index) => [index + 1, value]));
  const before = Object.entries(OLD_PULSES.safeParse(answer).data ?? {});
  return new Map(
    before.flatMap(([key, value]): [number, number][] => {
      const [, relay] = /^PulseTime(\d+)$/.exec(key) ?? [];
      const pulse = OLD_PULSE.safeParse(value).data;
      return relay !== undefined && pulse ? [[Number(relay), pulse.Set]] : [];
    }),
  );
}

/** 1 to 111 are tenths of a second, more are seconds and 100. */
function secondsOf(pulse: number): number {
  return pulse > 111 ? pulse - 100 : pulse / 10;
}

function groupsOf(groups: string): number[][] {
  return groups.split(" ").map((group) => group.split(",").map(Number));
}
