/** maaspower's file, read and checked: what it says, or every mistake in it. */
import type { z } from "zod";
import { DEVICES, type Device, type DeviceType, FILE, type OldFile, typeWithout } from "./schema.ts";

/** A file as the configuration room reads it, with places that mistakes are told at. */
export interface OldSource {
  /** What the schema makes of the value there; undefined where it does not fit, which is told then. */
  check<Schema extends z.ZodType>(
    schema: Schema,
    path: readonly PropertyKey[],
    name: string,
  ): z.output<Schema> | undefined;
  /** The value there as plain data. */
  data(path: readonly PropertyKey[]): unknown;
  error(path: readonly PropertyKey[], text: ErrorText): void;
  /** `, did you mean "x"?` with the nearest; empty where none is near. */
  didYouMean(written: string, known: Iterable<string>): string;
}

export interface ErrorText {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

export interface OldConfiguration extends Omit<OldFile, "devices"> {
  /** In the order of the file, whose number is their index. */
  readonly devices: readonly Device[];
}

/** Undefined where there is any mistake; all of them are told. */
export function readOldConfiguration(source: OldSource): OldConfiguration | undefined {
  const file = source.check(FILE, [], "the file");
  const listed = source.data(["devices"]);
  const entries: readonly unknown[] = Array.isArray(listed) ? listed : [];
  const devices = entries.flatMap((entry, index) => readDevice(source, entry, index) ?? []);
  return file && devices.length === entries.length ? { ...file, devices } : undefined;
}

function readDevice(source: OldSource, entry: unknown, index: number): Device | undefined {
  const path = ["devices", index];
  if (typeof entry !== "object" || entry === null || Array.isArray(entry)) {
    source.error(path, { code: "bad-value", message: "a device must be a map such as { type: KasaDevice, name: … }" });
    return undefined;
  }
  const written: unknown = Object.hasOwn(entry, "type") ? Reflect.get(entry, "type") : typeWithout(entry);
  const type = isType(written) ? written : undefined;
  if (type) return source.check<z.ZodType<Device>>(DEVICES[type], path, `devices.${index}`);
  const known = Object.keys(DEVICES);
  source.error(Object.hasOwn(entry, "type") ? [...path, "type"] : path, {
    code: "bad-value",
    message:
      typeof written === "string"
        ? `there is no type "${written}"${source.didYouMean(written, known)}`
        : "the device has no type, and fits none of those that maaspower would try",
    hint: `maaspower and its forks have ${known.join(", ")}.`,
  });
  return undefined;
}

function isType(written: unknown): written is DeviceType {
  return typeof written === "string" && Object.hasOwn(DEVICES, written);
}
