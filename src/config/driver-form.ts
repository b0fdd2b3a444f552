/** A driver as a form needs it: what it can do, and its settings as JSON Schema. */
import type { z } from "zod";
import { type Cut, capabilities, type Driver, VERBS } from "../power/driver.ts";
import { fieldFacts } from "../wire/fields.ts";
import { inputSchema, type Json } from "./json-schema.ts";
import { shapeOf } from "./member-fields.ts";

export interface DriverForm {
  readonly name: string;
  readonly title: string;
  readonly family: string;
  readonly summary: string;
  /** `varies`: its settings tell. */
  readonly cuts: Cut | "varies";
  /** What it can do at most. */
  readonly verbs: readonly string[];
  readonly momentary: boolean;
  readonly hub: Json | null;
  readonly outlet: Json;
  readonly lists: boolean;
}

const forms = new WeakMap<Driver, DriverForm>();

export function driverForm(driver: Driver): DriverForm {
  let form = forms.get(driver);
  if (!form) {
    const { without: _without, ...everything } = driver;
    const can = capabilities(everything, {});
    const { name, title, family, summary, cuts, momentary = false } = driver;
    form = {
      name,
      title,
      family,
      summary,
      cuts: typeof cuts === "function" ? "varies" : cuts,
      verbs: VERBS.filter((verb) => can.has(verb)),
      momentary: momentary !== false,
      hub: driver.hub ? settingsSchema(driver.hub as z.ZodObject) : null,
      outlet: settingsSchema(driver.outlet as z.ZodObject),
      lists: driver.list !== undefined,
    };
    forms.set(driver, form);
  }
  return form;
}

/** Secrets are `writeOnly`; `x-from` names the machine's own fact that fills a field left empty, `x-written` how a text is written. */
function settingsSchema(schema: z.ZodObject): Json {
  const json = inputSchema(schema);
  const properties = Object.entries(shapeOf(schema)).map(([key, field]) => {
    const { secret, from, written } = fieldFacts(field);
    return [
      key,
      {
        ...inputSchema(field),
        ...(secret && { writeOnly: true }),
        ...(from && { "x-from": from }),
        ...(written && { "x-written": written }),
      },
    ];
  });
  return { ...json, properties: Object.fromEntries(properties) };
}
