import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  type Field,
  fieldsOf,
  missingOf,
  type Schema,
  settingsOf,
  type Typed,
} from "../../dashboard/src/add/schema-fields.ts";
import { driverForm } from "../../src/config/driver-form.ts";
import { drivers } from "../../src/drivers/index.ts";

function fields(shape: z.ZodRawShape): Field[] {
  return fieldsOf(z.toJSONSchema(z.object(shape), { io: "input", unrepresentable: "any" }) as Schema);
}

function formOf(name: string): Field[] {
  const driver = drivers.find((known) => known.name === name);
  if (!driver) throw new Error(`there is no driver ${name}`);
  const { hub, outlet } = driverForm(driver);
  return [...(hub === null ? [] : fieldsOf(hub as Schema)), ...fieldsOf(outlet as Schema)];
}

function field(name: string, key: string): Field | undefined {
  return formOf(name).find((known) => known.key === key);
}

describe("a driver's settings as fields", () => {
  test.each(drivers.map(({ name }) => name))("of %s have a name, words for people, and none twice", (name) => {
    const form = formOf(name);
    expect(new Set(form.map(({ key }) => key)).size).toBe(form.length);
    expect(form.filter(({ description }) => description === "")).toEqual([]);
  });

  test("passwords are secret, and what the machine's own facts fill says so", () => {
    expect(field("shelly", "password")).toMatchObject({ kind: "text", secret: true, required: false });
    expect(field("shelly", "host")).toMatchObject({ kind: "text", required: true, from: "address" });
    expect(field("shelly", "port")).toMatchObject({ kind: "text", preset: "80", reads: ["number"] });
  });

  test("choices are chosen, also between numbers, and numbers written as texts are no other choice", () => {
    expect(field("mqtt", "qos")).toMatchObject({ kind: "choice", values: [0, 1, 2], preset: "1" });
    expect(field("snmp-pdu", "version")).toMatchObject({ kind: "choice", values: ["1", "3", "2c"] });
    expect(field("simulated", "kind")).toMatchObject({ kind: "choice", values: ["machine", "plug", "button"] });
  });

  test("lists, pairs and groups are what they are", () => {
    expect(field("wake-on-lan", "ports")).toMatchObject({ kind: "list", reads: ["number"] });
    expect(field("command", "env")).toMatchObject({ kind: "pairs", secret: true });
    expect(field("command", "exit_codes")).toMatchObject({ kind: "group" });
    expect(field("command", "shell")).toMatchObject({ kind: "flag", preset: "no" });
  });
});

describe("what was typed as settings", () => {
  const taken = (shape: z.ZodRawShape, typed: Typed) => settingsOf(fields(shape), typed);

  test("leaves out what was left empty", () => {
    expect(taken({ a: z.string(), b: z.boolean(), c: z.object({ d: z.string() }) }, { a: " ", c: { d: "" } })).toEqual(
      {},
    );
  });

  test("are numbers where numbers are taken, and texts where they must stay as they are", () => {
    const shape = { port: z.int(), outlet: z.union([z.string(), z.int()]), name: z.string() };
    expect(taken(shape, { port: "80", outlet: "7", name: "7" })).toEqual({ port: 80, outlet: 7, name: "7" });
    expect(taken(shape, { outlet: "007" })).toEqual({ outlet: "007" });
    expect(taken(shape, { port: "eighty" })).toEqual({ port: "eighty" });
  });

  test("keep the spaces of a password, and its digits", () => {
    expect(settingsOf(formOf("shelly"), { password: " 007 " })).toEqual({ password: " 007 " });
  });

  test("of flags, choices, lists, pairs and groups", () => {
    const shape = {
      flag: z.boolean(),
      level: z.union([z.literal(0), z.literal(1)]),
      ports: z.array(z.int()),
      headers: z.record(z.string(), z.string()),
      run: z.object({ on: z.string(), off: z.string().optional() }),
      led: z.union([z.boolean(), z.string()]),
    };
    const typed = {
      flag: "no",
      level: "1",
      ports: "9\n 7 \n",
      headers: "Accept: a:b\nX:1",
      run: { on: "go" },
      led: "false",
    };
    expect(taken(shape, typed)).toEqual({
      flag: false,
      level: 1,
      ports: [9, 7],
      headers: { Accept: "a:b", X: "1" },
      run: { on: "go" },
      led: false,
    });
  });
});

test("what is missing is named, unless the machine's own facts fill it", () => {
  const form = formOf("shelly");
  expect(missingOf(form, {}, {})).toEqual(["host"]);
  expect(missingOf(form, {}, { address: "192.168.1.4" })).toEqual([]);
  expect(missingOf(form, { host: "192.168.1.4" }, {})).toEqual([]);
});
