/** The entries under `machines:`, resolved: profiles, ranges, short and per-verb forms become plain specs. */
import type { z } from "zod";
import { cutsOf, type MachineFacts, VERBS } from "../power/driver.ts";
import type { MachineSpec, SupplySpec } from "../power/spec.ts";
import { refuse, refuseUnknownKeys } from "./check-value.ts";
import { type MaasName, maasNameOf } from "./maas.ts";
import { type Member, meantFor, membersOf } from "./member.ts";
import { checkedFields, type Fields, fieldValue, ownEntries, shapeOf } from "./member-fields.ts";
import { Parts } from "./parts.ts";
import type { Problems } from "./problem.ts";
import { type Profiles, withProfiles } from "./profiles.ts";
import { ASK_MAAS, MACHINE, MACHINE_STRUCTURE } from "./schema.ts";
import { lineOf, type Span } from "./source.ts";
import type { Use, UseServices } from "./use.ts";
import { type Entry, isSecret, joined, type MapValue } from "./value.ts";

const MIN_OFF_MS = { mains: 5_000, port: 2_000 } as const;
const KNOWN_KEYS = new Set([...Object.keys(MACHINE.shape), ...Object.keys(MACHINE_STRUCTURE)]);
/** `{mac}` and `{address}` stand for these, so they are read first. */
const FACTS = ["mac", "address"] as const;

export interface BuiltMachine {
  readonly spec: MachineSpec;
  /** Which machine of MAAS it is, as far as it is said. */
  readonly maas?: MaasName;
  readonly at: Span;
  /** Entries as resolved, for `config show`. */
  readonly entries: ReadonlyMap<string, Entry>;
  /** Outlets that command, with where they are configured. */
  readonly commands: ReadonlySet<Use>;
  readonly queries: readonly Use[];
  /** Something is wrong with it, so nothing more is concluded from it. */
  readonly faulty: boolean;
}

export interface MachineServices extends UseServices {
  readonly profiles: Profiles;
}

interface Written {
  readonly member: Member;
  readonly entry: MapValue;
  readonly key: Span;
}

/** All machines, in the order written. */
export function buildMachines(machines: MapValue, services: MachineServices): BuiltMachine[] {
  const { profiles, problems } = services;
  const written = new Map<string, Written>();
  for (const [name, { key, value }] of machines.entries) {
    if (value.kind !== "map") {
      refuse(value, `machine "${name}" must be a map such as { driver: …, … }`, problems);
      continue;
    }
    const override = overrides(value, problems);
    const entry = withProfiles(value, profiles, problems);
    for (const member of membersOf(name, key, problems)) {
      const known = written.get(member.name);
      if (!known) {
        written.set(member.name, { member, entry, key });
        if (override) {
          problems.error(override.key, {
            code: "overrides-nothing",
            message: `machine "${member.name}" is in no range above that it could override`,
          });
        }
        continue;
      }
      const inRange = known.member.n !== undefined;
      if (override && inRange) {
        const own = member.n === undefined ? entry.entries : meantFor(member, entry.entries);
        const merged: MapValue = { ...known.entry, entries: joined(known.entry.entries, own) };
        written.set(member.name, { ...known, entry: merged, key });
        continue;
      }
      problems.error(key, {
        code: "twice",
        message: `machine "${member.name}" is already given at ${lineOf(known.key)}`,
        hint: inRange ? "To replace single values of that range, add `override: true` here." : undefined,
      });
    }
  }
  return [...written.values()].flatMap((machine) => buildMachine(machine, services) ?? []);
}

/** The entry's `override:` where it is true. */
function overrides(entry: MapValue, problems: Problems): Entry | undefined {
  const override = entry.entries.get("override");
  if (!override) return undefined;
  const { value } = override;
  if (value.kind === "scalar" && typeof value.value === "boolean") return value.value ? override : undefined;
  refuse(value, "override must be true or false", problems);
  return undefined;
}

function buildMachine(written: Written, services: MachineServices): BuiltMachine | undefined {
  const { entry, key } = written;
  // A copy: its MAC and address are added to it, and the range's own stays clean.
  const member: Member = { ...written.member };
  const { problems } = services;
  const before = problems.errors;
  const fields = ownFields(member, entry, problems);
  const settings = checkedFields(MACHINE, entry, fields, problems);

  const parts = new Parts({ member, entry, services, verify: settings?.verify ?? 0 });
  const short = parts.short();
  if (!entry.entries.has("hub") && !entry.entries.has("driver")) {
    refuseUnknownKeys(entry, { known: KNOWN_KEYS, of: `of machine ${member.name}` }, problems);
  }
  const { supplies, afterAc } = parts.supplies(short);
  const stages = {
    on: parts.stages("on", short),
    off: parts.stages("off", short),
    cycle: parts.stages("cycle", short),
    reset: parts.stages("reset", short),
  };
  const query = parts.query(short);
  if (supplies.length === 0 && VERBS.every((verb) => stages[verb].length === 0) && !query) {
    if (problems.errors === before && services.broken.size === 0) {
      problems.error(key, {
        code: "no-driver",
        message: `machine "${member.name}" has nothing that acts or reads`,
        hint: "Give it `hub:` or `driver:`, a `supply:`, or `on:`, `off:` and `query:`.",
      });
    }
    return undefined;
  }
  if (!settings) return undefined;
  return {
    spec: {
      ...ownSpec(member, settings),
      minOff: settings.min_off ?? defaultMinOff(supplies),
      supplies,
      afterAc,
      stages,
      ...(query && { query }),
    },
    ...(settings.maas && { maas: maasNameOf(settings.maas) }),
    at: key,
    entries: joined(fields.entries, parts.shown),
    commands: parts.commands,
    queries: parts.queries,
    faulty: problems.errors > before,
  };
}

/** Entries of the machine's own settings, for this member; its MAC and address are known to placeholders from then on. */
function ownFields(member: Member, entry: MapValue, problems: Problems): Fields {
  const shape = shapeOf(MACHINE);
  for (const key of FACTS) {
    const given = entry.entries.get(key);
    const field = shape[key];
    if (!given || !field) continue;
    const value = fieldValue(given.value, { member, field, problems });
    const parsed = field.safeParse(value?.kind === "scalar" ? value.value : undefined);
    // Where it is wrong it is told once, as the machine's own: the drivers that use it get something to go on with.
    const standIn = key === "mac" ? "00:00:00:00:00:00" : member.name;
    member[key] = {
      text: parsed.success && typeof parsed.data === "string" ? parsed.data : standIn,
      secret: value?.kind === "scalar" && isSecret(value),
      ...(key === "address" && parsed.data === ASK_MAAS && { sought: true }),
    };
  }
  return ownEntries(entry, shape, { member, problems });
}

function defaultMinOff(supplies: readonly SupplySpec[]): number {
  const cuts = supplies.map(({ outlet }) => cutsOf(outlet.hub.driver, outlet.settings));
  return cuts.includes("mains") ? MIN_OFF_MS.mains : cuts.includes("port") ? MIN_OFF_MS.port : 0;
}

type OwnSpec = Omit<MachineSpec, "minOff" | "supplies" | "afterAc" | "stages" | "query">;

function ownSpec(member: Member, settings: z.output<typeof MACHINE>): OwnSpec {
  const { mac, address, protect, when_already_on, how, description, above } = settings;
  const { tags, enabled, verify, fresh, settle, cut, poll } = settings;
  const facts: MachineFacts = {
    name: member.name,
    ...(mac !== undefined && { mac }),
    ...(address !== undefined && address !== ASK_MAAS && { address }),
  };
  return {
    facts,
    ...(description !== undefined && { description }),
    tags,
    enabled,
    protect: protect ?? "nobody",
    whenAlreadyOn: when_already_on,
    ...(above !== undefined && { above }),
    aboveFor: settings.for,
    verify,
    fresh,
    settle,
    cut,
    ...(how && { how }),
    poll,
  };
}
