/** Loads a driver of the user's own, and checks it against the contract before anything uses it. */
import { statSync } from "node:fs";
import { createRequire } from "node:module";
import { isAbsolute, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { z } from "zod";
import { CUTS, type Driver, VERBS } from "../power/driver.ts";
import { messageOf, PowerError } from "../power/errors.ts";
import { nearest } from "../power/names.ts";
import { kit } from "./kit.ts";

const HINT = "docs/extending.md shows a whole driver.";

/**
 * The driver that the module makes. A path is taken from `folder`; anything else is a package found from there.
 * Throws PowerError `config` that says what the module does not keep of the contract.
 */
export async function loadThirdParty(specifier: string, folder: string): Promise<Driver> {
  const file = locate(specifier, folder);
  let module: { readonly default?: unknown };
  try {
    module = (await import(pathToFileURL(file).href)) as { readonly default?: unknown };
  } catch (cause) {
    throw new PowerError("config", `${specifier} cannot be loaded: ${messageOf(cause)}`, {
      cause,
      // Node.js does not tell where in an imported file the syntax is wrong.
      hint: cause instanceof SyntaxError ? `The line is shown by: node --check ${file}` : HINT,
    });
  }
  const { default: make } = module;
  if (typeof make !== "function") {
    throw new PowerError("config", `${specifier} has no function as its default export`, {
      hint: `Write: export default (kit) => kit.defineDriver({ … }). ${HINT}`,
    });
  }
  let driver: unknown;
  try {
    driver = await (make as (with_: typeof kit) => unknown)(kit);
  } catch (cause) {
    throw new PowerError("config", `${specifier} failed when it was called: ${messageOf(cause)}`, {
      cause,
      hint: HINT,
    });
  }
  const problems = driverProblems(driver);
  if (problems.length > 0) {
    throw new PowerError("config", `${specifier} is no driver: ${problems.join("; ")}`, { hint: HINT });
  }
  return driver as Driver;
}

function locate(specifier: string, folder: string): string {
  if (specifier.startsWith(".") || isAbsolute(specifier)) {
    const file = resolve(folder, specifier);
    if (statSync(file, { throwIfNoEntry: false })?.isFile()) return file;
    throw new PowerError("config", `there is no file ${file}`, {
      hint: "A path under `drivers:` is taken from the configuration's folder.",
    });
  }
  try {
    return createRequire(join(folder, "maasochist.yaml")).resolve(specifier);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ERR_PACKAGE_PATH_NOT_EXPORTED") {
      throw new PowerError("config", `the package ${specifier} exports nothing that can be loaded by its name`, {
        cause,
        hint: 'Its package.json needs "exports": "./driver.mjs", without conditions.',
      });
    }
    throw new PowerError("config", `there is no package ${specifier} beside ${folder}`, {
      cause,
      hint: `Install it there (npm install ${specifier}), or give a path that begins with ./`,
    });
  }
}

const FUNCTION = z.custom((value) => typeof value === "function", "must be a function");
const SETTINGS = z.unknown().superRefine((value, ctx) => {
  if (!(value instanceof z.ZodObject)) {
    ctx.addIssue("must be an object made with kit.z, such as kit.z.object({ … })");
    return;
  }
  const foreign = (path: string[]) =>
    ctx.addIssue({ code: "custom", path, message: "is made with another zod; use kit.z, and import none" });
  if (!isOurs(value)) foreign([]);
  for (const [key, field] of Object.entries(value.shape as Record<string, unknown>)) {
    if (!(field instanceof z.ZodType)) ctx.addIssue({ code: "custom", path: [key], message: "is no field" });
    else if (!isOurs(field)) foreign([key]);
  }
});
const WORDS = z.string("must be a text").min(1, "must not be empty");
const WORD_LIST = z.array(WORDS, "must be a list of texts");
const DURATION = z.number("must be a number of milliseconds").min(0, "must not be negative");

/** Every class of this zod. `instanceof` takes the types of any zod 4 for its own. */
const CLASSES: ReadonlySet<unknown> = new Set(Object.values(z));

function isOurs(type: z.ZodType): boolean {
  return CLASSES.has(type.constructor);
}

/** The contract of `power/driver.ts` as far as it can be seen without a device. */
const CONTRACT = z.strictObject({
  name: WORDS.regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, "must be lower case with dashes"),
  title: WORDS,
  family: WORDS,
  summary: WORDS,
  sources: WORD_LIST,
  notes: WORD_LIST.optional(),
  examples: z.array(z.strictObject({ title: WORDS, yaml: WORDS }), "must be a list of { title, yaml }"),
  cuts: z.union([z.enum(CUTS), FUNCTION], `must be one of ${CUTS.join(", ")}, or a function of the settings`),
  momentary: z.union([z.boolean(), FUNCTION], "must be true, false or a function of the settings").optional(),
  repeatable: z.boolean("must be true or false").optional(),
  hub: SETTINGS.optional(),
  outlet: SETTINGS,
  check: FUNCTION.optional(),
  perVerb: WORD_LIST.optional(),
  pace: z
    .strictObject({
      concurrency: z.int("must be a whole number").min(1, "must be at least 1"),
      interval: DURATION,
      settle: DURATION,
      idle: DURATION,
      timeout: DURATION,
    })
    .partial()
    .optional(),
  connect: FUNCTION.optional(),
  disconnect: FUNCTION.optional(),
  identify: FUNCTION.optional(),
  on: FUNCTION.optional(),
  off: z
    .union(
      [FUNCTION, z.strictObject({ soft: FUNCTION.optional(), hard: FUNCTION.optional() })],
      "must be a function, or { soft, hard }",
    )
    .optional(),
  cycle: FUNCTION.optional(),
  reset: FUNCTION.optional(),
  query: FUNCTION.optional(),
  queryAll: FUNCTION.optional(),
  watch: FUNCTION.optional(),
  watts: FUNCTION.optional(),
  assumes: z.literal(true, "must be true where it stands").optional(),
  onlyOn: FUNCTION.optional(),
  without: FUNCTION.optional(),
  list: FUNCTION.optional(),
  examine: FUNCTION.optional(),
} satisfies Record<keyof Driver, z.ZodType>);

/** What a value lacks to be a driver, one sentence each; none when it is one. */
export function driverProblems(value: unknown): readonly string[] {
  if (typeof value !== "object" || value === null)
    return ["the function answers no object; let it answer kit.defineDriver({ … })"];
  const result = CONTRACT.safeParse(value);
  const problems = (result.error?.issues ?? []).flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map(unknownKey)
      : [`${issue.path.map(String).join(".")} ${missing(value, issue.path) ? "is missing" : issue.message}`],
  );
  const driver = value as Partial<Driver>;
  if (!driver.query && !driver.watts && VERBS.every((verb) => !driver[verb]))
    problems.push("it has none of on, off, cycle, reset, query and watts, so it can do nothing");
  return problems;
}

function unknownKey(key: string): string {
  const near = nearest(key, Object.keys(CONTRACT.shape));
  return `unknown key "${key}"${near === undefined ? "" : `, did you mean "${near}"?`}`;
}

function missing(value: unknown, [step, ...rest]: readonly PropertyKey[]): boolean {
  if (step === undefined || typeof value !== "object" || value === null || value instanceof z.ZodType) return false;
  if (!(step in value)) return true;
  return missing((value as Readonly<Record<PropertyKey, unknown>>)[step], rest);
}
