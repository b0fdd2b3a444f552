/** What `config check` finds beyond plain mistakes: settings that are valid and will hurt. Each has a stable code. */
import { type Capability, cutsOf, isMomentary } from "../power/driver.ts";
import { type OutletSpec, outletName, type QuerySpec } from "../power/spec.ts";
import { formatDuration } from "../wire/duration.ts";
import type { BuiltMachine } from "./machines.ts";
import type { Problems } from "./problem.ts";
import { MAAS_ACTION_LIMIT_MS } from "./server.ts";
import { lineOf } from "./source.ts";
import type { Use } from "./use.ts";

/** Warnings with their meaning; docs/errors.md is generated from it. */
export const WARNINGS = {
  "halted-reads-on": "The machine is fed by a supply that nothing meters, and has no query: halted, it still reads on.",
  "only-assumed": "The state follows from what was ordered; nothing measures it.",
  "no-state": "Nothing tells a state, so MAAS will read `unknown` and fail to switch it on.",
  "cannot-cut":
    "Nothing can cut the machine when it hangs: its off only asks the operating system, or nothing switches it off at all.",
  "off-unproven": "Nothing can prove that the machine is off.",
  "momentary-blind":
    "A button is pressed only on a measured state, and nothing measures this machine: no press will ever happen.",
  "wait-outlasts-maas": "The waits of `off` add up to more than 5 minutes, after which MAAS gives up releasing.",
  "url-listen": "`server.url` and `server.listen` do not fit together.",
  "no-webhooks": "No listener serves MAAS's webhooks.",
  "maas-certificate": "A listener asks MAAS for a certificate, and MAAS has none.",
  "url-not-polled": "MAAS polls in the background only a literal IP address in a subnet of a rack controller.",
  "token-charset": "MAAS passes the token on a command line: letters, digits and _ are safe.",
  "secrets-readable": "Other users of this host can read a file of secrets.",
  "same-hub": "Two hubs have one address: their exchanges do not take turns, though the device is one.",
  "no-machines": "There are no machines.",
} as const;

export function checkMachines(built: readonly BuiltMachine[], problems: Problems): void {
  const machines = built.filter((machine) => !machine.faulty);
  doubledOutlets(machines, problems);
  for (const machine of machines) {
    checkState(machine, problems);
    checkOff(machine, problems);
    checkDrivers(machine, problems);
  }
}

function doubledOutlets(machines: readonly BuiltMachine[], problems: Problems): void {
  const known = new Map<string, { readonly machine: string; readonly use: Use }>();
  for (const { spec, commands } of machines) {
    const { name } = spec.facts;
    const supplies = new Set<string>();
    for (const use of commands) {
      if (!use.outlet.hub.driver.hub) continue;
      const key = outletKey(use);
      const other = known.get(key);
      if (!other) known.set(key, { machine: name, use });
      else if (other.machine !== name) {
        problems.error(use.at, {
          code: "doubled-outlet",
          message: `machine "${name}" uses ${use.outlet.label}, which machine "${other.machine}" at ${lineOf(other.use.at)} uses too`,
          hint:
            use.at.start === other.use.at.start && use.at.source === other.use.at.source
              ? 'Give each member of the range its own, such as outlet: "{n}".'
              : "Switching one would switch the other. Correct `outlet:` or `hub:`.",
        });
      }
      if (!spec.supplies.some(({ outlet }) => outlet === use.outlet)) continue;
      if (supplies.has(key)) {
        problems.error(use.at, {
          code: "doubled-outlet",
          message: `machine "${name}" names ${use.outlet.label} twice as its supply`,
        });
      }
      supplies.add(key);
    }
  }
}

/** One outlet of one device, however its hub is called; a driver without `outlet` has one. */
function outletKey({ hubIdentity, outlet }: Use): string {
  return `${hubIdentity} ${outletName(outlet.settings) ?? ""}`;
}

/** What an outlet that the machine commands can do. */
function canOf({ commands }: BuiltMachine, outlet: OutletSpec): ReadonlySet<Capability> {
  for (const use of commands) if (use.outlet === outlet) return use.can;
  return NOTHING;
}

const NOTHING: ReadonlySet<Capability> = new Set();

function sources(query: QuerySpec | undefined): readonly OutletSpec[] {
  if (!query) return [];
  return query.kind === "one" ? [query.outlet] : query.of.flatMap(sources);
}

/** Do the watts of a supply tell whether it runs? */
function isMetered(machine: BuiltMachine): boolean {
  const { above, supplies } = machine.spec;
  return above !== undefined && supplies.some((supply) => canOf(machine, supply.outlet).has("watts"));
}

function checkState(machine: BuiltMachine, problems: Problems): void {
  const { spec, at, commands, entries } = machine;
  const { name } = spec.facts;
  const asked = sources(spec.query);
  const metered = isMetered(machine);
  if (spec.supplies.length > 0 && asked.length === 0 && !metered) {
    problems.warning(at, {
      code: "halted-reads-on",
      message: `halted, "${name}" still reads on: its supply is not metered, and it has no query`,
      hint: "Add `query: { driver: reachable }`, or `above: 6W` with a plug that has a meter.",
    });
  }
  if (spec.above !== undefined && !metered) {
    problems.error(entries.get("above")?.value.at ?? at, {
      code: "above-unmetered",
      message: `"${name}" has \`above\`, and no supply that tells watts`,
    });
  }
  if (spec.supplies.length === 0 && asked.length === 0) {
    problems.warning(at, {
      code: "no-state",
      message: `nothing tells the state of "${name}"; MAAS will read unknown and fail`,
      hint: "Add a `query:`; `{ driver: assumed }` where nothing can measure it.",
    });
  }
  if (asked.length > 0 && asked.every((outlet) => outlet.hub.driver.assumes)) {
    problems.warning(at, {
      code: "only-assumed",
      message: `the state of "${name}" is only assumed`,
      hint: "Use `reachable`, a meter or any other measurement where there is one.",
    });
  }
  const measured = asked.some((outlet) => !outlet.hub.driver.assumes) || metered;
  const pressed = [...commands].find(({ outlet }) => isMomentary(outlet.hub.driver, outlet.settings));
  if (pressed && !measured) {
    problems.warning(pressed.at, {
      code: "momentary-blind",
      message: `"${name}" is switched by a button, and nothing measures its state`,
      hint: "Add a `query:` that measures, such as `{ driver: reachable }`.",
    });
  }
}

function checkOff(machine: BuiltMachine, problems: Problems): void {
  const { spec, at } = machine;
  const { name } = spec.facts;
  const mayCut = spec.supplies.length > 0 && spec.cut !== "never";
  const hard = spec.stages.off.some(({ outlet, how }) => {
    const cuts = cutsOf(outlet.hub.driver, outlet.settings);
    return (
      how !== "soft" && canOf(machine, outlet).has("hard") && cuts !== "os" && cuts !== "nothing" && cuts !== "unknown"
    );
  });
  if (!mayCut && !hard) {
    const why = spec.stages.off.length === 0 ? "nothing switches it off" : "its off only asks, or may";
    problems.warning(at, {
      code: "cannot-cut",
      message: `nothing can cut "${name}" when it hangs: ${why}`,
      hint: "Add a `supply:` (a plug, PDU outlet or PoE port), or say with `cuts:` what the off of a script takes away.",
    });
  }
  const asked = sources(spec.query);
  const provable =
    asked.some(({ hub, settings }) => !hub.driver.onlyOn?.(settings)) ||
    isMetered(machine) ||
    (mayCut && spec.supplies.some((supply) => canOf(machine, supply.outlet).has("query")));
  if ((spec.stages.off.length > 0 || mayCut) && !provable) {
    const [only] = asked;
    problems.warning(at, {
      code: "off-unproven",
      message: `nothing can prove that "${name}" is off${only ? `: ${only.hub.driver.name} only tells that it is on` : ""}`,
      hint: only
        ? "Let its silence mean off (`silence: off`), or add a supply that can be read."
        : "Add a `query:`, or a supply that can be read.",
    });
  }
  const waits = spec.stages.off.reduce((sum, stage) => sum + stage.wait, mayCut ? spec.verify : 0);
  if (waits > MAAS_ACTION_LIMIT_MS) {
    problems.warning(at, {
      code: "wait-outlasts-maas",
      message: `the waits of "${name}"'s off add up to ${formatDuration(waits)}, and MAAS gives up releasing after ${formatDuration(MAAS_ACTION_LIMIT_MS)}`,
      hint: mayCut ? "Shorten `wait:` of its stages, or `verify:`." : "Shorten `wait:` of its stages.",
    });
  }
}

function checkDrivers({ commands, queries }: BuiltMachine, problems: Problems): void {
  for (const { outlet, at, entries } of new Set([...commands, ...queries])) {
    // Its hub is wrong, and was told of.
    if (outlet.hub.driver.hub && outlet.hub.settings === undefined) continue;
    for (const finding of outlet.hub.driver.check?.(outlet.settings, outlet.hub.settings) ?? []) {
      const place = entries.get(finding.key)?.value.at ?? at;
      const text = { code: finding.code ?? "driver-check", message: finding.problem };
      if (finding.severity === "error") problems.error(place, text);
      else problems.warning(place, text);
    }
  }
}
