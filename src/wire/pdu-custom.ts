/** PDUs that no row describes, described in the configuration. */
import { z } from "zod";
import type { PduModel } from "./pdu-model.ts";

const oid = (description: string) =>
  z
    .string()
    .regex(/^\.?1\.3(\.\d+)*\.\{outlet\}(\.\d+)*$/, 'is not an OID such as "1.3.6.1.4.1.92.58.2.{outlet}.0"')
    .transform((written) => written.replace(/^\./, ""))
    .describe(description);

const values = (description: string) => z.array(z.int()).min(1, "must have a value").describe(description);

const write = (description: string) =>
  z.strictObject({ oid: oid("OID to write to"), value: z.int().describe("What to write") }).describe(description);

export const customPdu = z
  .strictObject({
    state: oid("Where an outlet's state is read"),
    state_on: values("What it reads when the outlet is on"),
    state_off: values("What it reads when the outlet is off"),
    on: write("What switches it on"),
    off: write("What switches it off"),
    name: oid("Where its name is read").optional(),
    watts: oid("Where its watts are read").optional(),
  })
  .refine(({ state_on, state_off }) => !state_on.some((value) => state_off.includes(value)), {
    error: "has a value that is on as well as off",
    path: ["state_off"],
  })
  .refine(({ on, off }) => on.oid !== off.oid || on.value !== off.value, {
    error: "is the same as `on`",
    path: ["off"],
  });

export function customModel({
  state,
  state_on,
  state_off,
  on,
  off,
  name,
  watts,
}: z.output<typeof customPdu>): PduModel {
  const told = (all: readonly number[], state: "on" | "off") => all.map((value) => [value, { state }] as const);
  return {
    title: "a PDU described by `custom`",
    objectIds: [],
    state,
    states: Object.fromEntries([...told(state_on, "on"), ...told(state_off, "off")]),
    on,
    off,
    ...(name !== undefined && { name }),
    ...(watts !== undefined && { watts }),
    sources: ["the configuration"],
    confirmed: true,
  };
}
