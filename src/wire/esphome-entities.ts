/**
 * What ESPHome calls its entities: by name since 2026.1, before by an ID made of the name. URLs by ID went in 2026.7, and
 * the `id` in answers followed in 2026.8; between them `name_id` had what `id` has now.
 *
 *     id  switch-my_relay                           URL  /switch/my_relay
 *     id  switch/My Relay, switch/Garage/My Relay   URL  /switch/My%20Relay, /switch/Garage/My%20Relay
 */
import { z } from "zod";
import type { Answer } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";

export const SWITCHES = ["switch", "light", "fan"];
export const BUTTONS = ["button"];
export const DOMAINS = [...SWITCHES, ...BUTTONS, "binary_sensor", "sensor"];

/** What a GET answers, and what an event tells; what is none of ours may have other shapes. */
export const REPORT = z.object({
  id: z.string(),
  name_id: z.string().optional().catch(undefined),
  name: z.string().optional().catch(undefined),
  /** Name of the sub-device. */
  device: z.string().optional().catch(undefined),
  state: z.string().optional().catch(undefined),
  value: z.unknown().optional(),
  assumed_state: z.boolean().optional().catch(undefined),
  /** Unit of measurement. */
  uom: z.string().optional().catch(undefined),
});
export type Report = z.output<typeof REPORT>;

export interface Entity {
  readonly domain: string;
  readonly device: string | undefined;
  readonly name: string;
}

/** `Relay`, `light/Lamp`, `Garage/Relay` or `switch/Garage/Relay`; without a domain it is of this one. */
export function entityOf(written: string, domain: string): Entity {
  const parts = written.split("/");
  const [first = ""] = parts;
  const given = parts.length > 1 && DOMAINS.includes(first) ? parts.shift() : undefined;
  return { domain: given ?? domain, name: parts.pop() ?? "", device: parts.pop() };
}

export function shownEntity({ domain, device, name }: Entity): string {
  return [domain, ...(device === undefined ? [] : [device]), name].join("/");
}

/** Paths at which the entity may be, the newest style first. */
export function pathsOf(entity: Entity): readonly string[] {
  const { domain, device, name } = entity;
  const ids = objectIds(name);
  const old = ids.map((id) => ({ domain, device: undefined, name: id }));
  const between = device === undefined ? [] : ids.map((id) => ({ domain, device, name: id }));
  return [...new Set([entity, ...between, ...old].map(pathOf))];
}

function pathOf(entity: Entity): string {
  return `/${shownEntity(entity).split("/").map(encodeURIComponent).join("/")}`;
}

/** The path by which the device itself knows what it reported. */
export function reportedPath(report: Report): string {
  return pathOf(reported(report).entity);
}

/** Which entity a report is of; where it tells its name, by that. */
export function reportedEntity(report: Report): Entity {
  const { entity, byName } = reported(report);
  return byName ? entity : { ...entity, name: report.name ?? entity.name };
}

/** Is the report of this entity, whichever way either is written? */
export function isOf(report: Report, { domain, device, name }: Entity): boolean {
  const { entity, byName } = reported(report);
  if (entity.domain !== domain || !isSame(entity.name, name)) return false;
  // The old ID says nothing of sub-devices.
  return entity.device === device || (!byName && entity.device === undefined);
}

function reported({ id, name_id: nameId, device }: Report): { readonly entity: Entity; readonly byName: boolean } {
  const full = nameId ?? id;
  if (full.includes("/")) {
    const [domain = "", ...names] = full.split("/");
    return { byName: true, entity: { domain, name: names.pop() ?? "", device: names.pop() } };
  }
  const dash = full.indexOf("-");
  return { byName: false, entity: { domain: full.slice(0, dash), name: full.slice(dash + 1), device } };
}

function isSame(one: string, other: string): boolean {
  return one === other || objectIds(one).includes(other) || objectIds(other).includes(one);
}

/** The IDs that versions made of a name: each letter beyond ASCII became one underscore, or one for each of its bytes. */
function objectIds(name: string): string[] {
  const snake = name.toLowerCase().replaceAll(" ", "_");
  const byBytes = Buffer.from(snake).toString("latin1");
  return [...new Set([snake, byBytes].map((text) => text.replaceAll(/[^a-z0-9_-]/gu, "_")))];
}

/** What a report tells. Throws PowerError `protocol` where it is neither on nor off. */
export function reportAnswer(report: Report, entity: Entity, assumed = report.assumed_state ?? false): Answer {
  const shown = shownEntity(entity);
  const state = report.state === "ON" ? "on" : report.state === "OFF" ? "off" : undefined;
  // Lights tell their state as `value` too, the others a boolean.
  if (state === undefined || (typeof report.value === "boolean" && report.value !== (state === "on")))
    throw new PowerError("protocol", `${shown} tells neither on nor off`);
  const evidence = `${shown} ${report.state}`;
  return assumed
    ? { state, evidence, assumed, reason: `ESPHome only assumes the state of ${shown}` }
    : { state, evidence };
}

const WATTS: Readonly<Record<string, number>> = { mW: 0.001, W: 1, kW: 1_000 };

/** Watts that a sensor reports. Throws PowerError where it reports none. */
export function reportWatts({ value, state = "", uom }: Report, entity: Entity): number {
  const factor = WATTS[uom ?? / (\S+)$/.exec(state)?.[1] ?? ""];
  if (factor !== undefined && typeof value === "number" && Number.isFinite(value)) return value * factor;
  if (value === null || state === "NA")
    throw new PowerError("refused", `${shownEntity(entity)} has no value yet`, {
      hint: "Is its meter wired, and has it measured?",
    });
  throw new PowerError("config", `${shownEntity(entity)} tells no power`, {
    hint: "`watts` names a sensor in W or kW.",
  });
}
