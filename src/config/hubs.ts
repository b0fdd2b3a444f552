/** The entries under `hubs:`. */

import type { z } from "zod";
import { fieldFacts } from "../wire/fields.ts";
import { checked, isListField, refuseUnknownKeys } from "./check-value.ts";
import { membersOf } from "./member.ts";
import { PACE } from "./schema.ts";
import { driverOf, identityOf, own, paceOf, type UseServices } from "./use.ts";
import type { Entry, MapValue } from "./value.ts";

/** What each hub was resolved to, for `config show`. */
export type HubEntries = Map<string, ReadonlyMap<string, Entry>>;

export function buildHubs(hubs: MapValue, services: UseServices): HubEntries {
  const { problems } = services;
  const shown: HubEntries = new Map();
  for (const [written, { key, value }] of hubs.entries) {
    if (value.kind !== "map") {
      problems.error(value.at, {
        code: "bad-value",
        message: `hub "${written}" must be a map such as { driver: …, host: … }`,
      });
      continue;
    }
    const driverEntry = value.entries.get("driver");
    if (!driverEntry) {
      problems.error(key, { code: "no-driver", message: `hub "${written}" has no \`driver:\`` });
      continue;
    }
    const driver = driverOf(driverEntry.value, services);
    if (!driver) continue;
    if (!driver.hub) {
      problems.error(driverEntry.value.at, {
        code: "no-hub",
        message: `${driver.name} talks to no shared thing, so it makes no hub`,
        hint: "Use it at the machine: { driver: …, … }.",
      });
      continue;
    }
    const fields: Record<string, z.ZodType> = { ...driver.hub.shape, ...PACE.shape };
    refuseUnknownKeys(
      value,
      { known: ["driver", ...Object.keys(fields)], of: `of hub ${written} (${driver.name})` },
      problems,
    );
    for (const member of membersOf(written, key, problems)) {
      const known = services.hubs.get(member.name);
      if (known) {
        const { line } = known.at.source.position(known.at.start);
        problems.error(key, {
          code: "twice",
          message: `hub "${member.name}" is already given at ${known.at.source.file}:${line}`,
        });
        continue;
      }
      const entries = new Map<string, Entry>();
      for (const [name, field] of Object.entries(fields)) {
        const given = value.entries.get(name);
        const filled = given && own(given.value, member, problems, isListField(field));
        if (!given || !filled) continue;
        const secret = fieldFacts(field).secret === true && filled.kind === "scalar";
        entries.set(name, { ...given, value: secret ? { ...filled, secret: true } : filled });
      }
      const settings: unknown = checked(driver.hub as z.ZodObject, { ...value, entries }, problems);
      const pace = checked(
        PACE,
        { ...value, entries: new Map([...entries].filter(([name]) => name in PACE.shape)) },
        problems,
      );
      shown.set(member.name, new Map([["driver", driverEntry], ...entries]));
      if (settings === undefined || !pace) {
        // Known all the same: machines that name it are not to be blamed as well.
        services.hubs.set(member.name, {
          spec: { key: member.name, name: member.name, driver, settings: undefined, pace: paceOf(driver, {}) },
          at: key,
          written: "",
          inline: false,
        });
        continue;
      }
      services.hubs.set(member.name, {
        spec: { key: member.name, name: member.name, driver, settings, pace: paceOf(driver, pace) },
        at: key,
        written: identityOf(driver, entries) ?? "",
        inline: false,
      });
    }
  }
  return shown;
}
