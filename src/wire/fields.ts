/**
 * The fields drivers make their settings of. Each is a zod type with its description, so that the configuration,
 * its JSON Schema, the docs pages and the forms all read the same declaration.
 */
import { z } from "zod";
import { Secret } from "../power/secret.ts";
import { formatDuration, parseDuration } from "./duration.ts";

/** What a field tells beside its type. Read with `fieldFacts`. */
export interface FieldFacts {
  /** The machine's own fact that fills the field where it is not given. */
  readonly from?: "mac" | "address" | "name";
  /**
   * The address is that of the machine itself, not of a device that serves it: it may be one that is found before each
   * exchange, and the driver gets what was found. Not for outlets of drivers with `watch`.
   */
  readonly own?: boolean;
  readonly secret?: boolean;
  /** Part of a hub's identity: inline hubs that agree in these are one hub. */
  readonly identity?: boolean;
  /** What is written there, where its type tells only that it is a text. */
  readonly written?: "duration" | "power" | "MAC address";
}

const factsOf = new WeakMap<z.ZodType, FieldFacts>();

function withFacts<T extends z.ZodType>(type: T, facts: FieldFacts): T {
  factsOf.set(type, facts);
  return type;
}

/** The facts of a field, found through `optional`, `default` and their like. */
export function fieldFacts(type: z.ZodType): FieldFacts {
  for (let inner: z.ZodType | undefined = type; inner; inner = wrapped(inner)) {
    const facts = factsOf.get(inner);
    if (facts) return facts;
  }
  return {};
}

/** What a field is for, found through `optional`, `default` and their like. */
export function fieldDescription(type: z.ZodType): string | undefined {
  for (let inner: z.ZodType | undefined = type; inner; inner = wrapped(inner)) {
    if (inner.description !== undefined) return inner.description;
  }
  return undefined;
}

function wrapped(type: z.ZodType): z.ZodType | undefined {
  if (
    type instanceof z.ZodOptional ||
    type instanceof z.ZodDefault ||
    type instanceof z.ZodPrefault ||
    type instanceof z.ZodNullable
  ) {
    return type.unwrap() as z.ZodType;
  }
  return undefined;
}

const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%[A-Za-z0-9]+)?)$/;
/** Pairs with colons or dashes, fours with dots, or nothing between. */
const MAC =
  /^(?:[0-9a-f]{2}(?::[0-9a-f]{2}){5}|[0-9a-f]{2}(?:-[0-9a-f]{2}){5}|[0-9a-f]{4}(?:\.[0-9a-f]{4}){2}|[0-9a-f]{12})$/i;

interface HostOptions extends Pick<FieldFacts, "own"> {
  readonly from?: "address";
  readonly description?: string;
}

/** A host name, IPv4 or IPv6 address, without scheme and port. */
export function host(options: HostOptions = {}): z.ZodString {
  return withFacts(
    z
      .string()
      .regex(HOST, "is not a host name or IP address; write it without scheme, port or path")
      .describe(options.description ?? "Host name or IP address"),
    { identity: true, ...(options.from && { from: options.from }), ...(options.own && { own: true }) },
  );
}

/** A TCP or UDP port. */
export function port(description = "Port"): z.ZodNumber {
  return withFacts(z.int().min(1).max(65_535).describe(description), { identity: true });
}

/** A MAC address, given with colons, dashes or dots in any case; read as lower case with colons. */
export function mac(options: { readonly from?: "mac"; readonly description?: string } = {}) {
  return withFacts(
    z
      .string()
      .transform((text, ctx) => {
        if (MAC.test(text)) return (text.toLowerCase().match(/[0-9a-f]{2}/g) ?? []).join(":");
        ctx.addIssue({ code: "custom", message: `"${text}" is not a MAC address` });
        return z.NEVER;
      })
      .describe(options.description ?? "MAC address"),
    { written: "MAC address", ...(options.from && { from: options.from }) },
  );
}

/** A text that is never shown. */
export function secret(description: string) {
  return withFacts(
    z
      .string()
      .min(1, "must not be empty")
      .transform((text) => new Secret(text))
      .describe(description),
    { secret: true },
  );
}

/** Texts by name whose values are never shown, such as an environment. */
export function secretTexts(description: string) {
  return withFacts(z.record(z.string(), z.string()).default({}).describe(description), { secret: true });
}

export function text(description: string): z.ZodString {
  return z.string().min(1, "must not be empty").describe(description);
}

/** A whole number from 0, for relays, sockets and the like; digits in quotes are taken too, so that `"{n}"` works. */
export function index(description: string) {
  return z
    .union([z.int().min(0), z.string().regex(/^\d+$/, "is not a whole number").transform(Number)])
    .describe(description);
}

const DAY_MS = 86_400_000;

export interface DurationOptions {
  /** In milliseconds. */
  readonly least?: number;
  /** In milliseconds. Timers of Node.js fire at once for what is longer than 24 days. */
  readonly longest?: number;
}

/** A duration such as `500ms`, `5s`, `2m`; in milliseconds once read. Give a default with `.prefault("5s")`. */
export function duration(description: string, { least = 0, longest = DAY_MS }: DurationOptions = {}) {
  return withFacts(
    z
      .string()
      .transform((written, ctx) => {
        const ms = parseDuration(written);
        if (ms === undefined) {
          ctx.addIssue({ code: "custom", message: `"${written}" is not a duration; write 500ms, 5s, 2m, 1h or 90d` });
          return z.NEVER;
        }
        if (ms < least || ms > longest) {
          const bound = ms < least ? `at least ${formatDuration(least)}` : `at most ${formatDuration(longest)}`;
          ctx.addIssue({ code: "custom", message: `must be ${bound}, not ${written}` });
          return z.NEVER;
        }
        return ms;
      })
      .describe(description),
    { written: "duration" },
  );
}

/** A power such as `6W`; in watts once read. */
export function watts(description: string) {
  return withFacts(
    z
      .string()
      .transform((written, ctx) => {
        const match = /^(\d+(?:\.\d+)?) ?W$/.exec(written);
        if (!match) {
          ctx.addIssue({ code: "custom", message: `"${written}" is not a power; write 6W or 0.5W` });
          return z.NEVER;
        }
        const power = Number(match[1]);
        if (power > 0) return power;
        ctx.addIssue({ code: "custom", message: "must be more than 0W" });
        return z.NEVER;
      })
      .describe(description),
    { written: "power" },
  );
}

export function flag(description: string): z.ZodBoolean {
  return z.boolean().describe(description);
}

export function choice<const T extends readonly [string, ...string[]]>(values: T, description: string) {
  return z.enum(values).describe(description);
}
