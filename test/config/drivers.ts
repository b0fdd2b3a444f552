/** Small drivers, one for each way in which settings can be laid out. None of them switches anything. */
import { z } from "zod";
import { type Command, type Driver, defineDriver } from "../../src/power/driver.ts";
import { choice, duration, flag, host, index, mac, port, secret, text } from "../../src/wire/fields.ts";

const act: Command<unknown, unknown> = () => Promise.resolve();
const read = () => Promise.resolve("on" as const);
const about = { family: "Test", summary: "Switches nothing.", sources: [], examples: [] };

const plug = defineDriver({
  ...about,
  name: "plug",
  title: "Plug with a meter",
  cuts: "mains",
  hub: z.object({ host: host({ from: "address" }), port: port().default(80), password: secret("Password").optional() }),
  outlet: z.object({ outlet: index("Relay").default(0) }),
  pace: { timeout: 7_000 },
  on: act,
  off: act,
  query: read,
  watts: () => Promise.resolve(1),
});

const strip = defineDriver({
  ...about,
  name: "strip",
  title: "Strip without a meter",
  cuts: "mains",
  hub: z.object({ host: host(), model: choice(["ap7900", "ap8959"], "Model").optional() }),
  outlet: z.object({ outlet: index("Socket") }),
  on: act,
  off: act,
  query: read,
});

const poe = defineDriver({
  ...about,
  name: "poe",
  title: "PoE switch",
  cuts: "port",
  hub: z.object({ host: host(), community: secret("Community").optional() }),
  outlet: z.object({ outlet: index("Port") }),
  on: act,
  off: act,
  query: read,
});

const board = defineDriver({
  ...about,
  name: "board",
  title: "Management controller",
  cuts: "bmc",
  hub: z.object({
    host: host({ from: "address" }),
    user: text("User").optional(),
    password: secret("Password").optional(),
  }),
  outlet: z.object({}),
  on: act,
  off: { soft: act, hard: act },
  cycle: act,
  query: read,
  check: (_outlet, hub) =>
    hub.user !== undefined && hub.password === undefined
      ? [{ key: "user", problem: "a user without a password", severity: "warning", code: "user-alone" }]
      : [],
});

const wake = defineDriver({
  ...about,
  name: "wake",
  title: "Magic packet",
  cuts: "nothing",
  outlet: z.object({ mac: mac({ from: "mac" }) }),
  on: act,
});

const shell = defineDriver({
  ...about,
  name: "shell",
  title: "Remote shell",
  cuts: "os",
  hub: z.object({
    host: host({ from: "address", own: true }),
    user: text("User"),
    key: secret("Private key").optional(),
  }),
  outlet: z.object({ sudo: flag("Use sudo").default(false) }),
  off: { soft: act },
});

const script = defineDriver({
  ...about,
  name: "script",
  title: "Program",
  cuts: "unknown",
  repeatable: false,
  outlet: z.object({
    run: z.partialRecord(z.enum(["on", "off", "query"]), z.array(z.string()).min(1)).describe("What to run, by verb"),
    env: z.record(z.string(), z.string()).default({}).describe("Environment"),
    grace: duration("Time to end").prefault("2s"),
  }),
  perVerb: ["run"],
  without: ({ run }) => (["on", "off", "query"] as const).filter((verb) => run[verb] === undefined),
  on: act,
  off: act,
  query: read,
});

const ping = defineDriver({
  ...about,
  name: "ping",
  title: "Reachable",
  cuts: "nothing",
  outlet: z.object({
    host: host({ from: "address", own: true }),
    probe: z
      .union([z.object({ port: z.int().min(1).max(65_535) }), z.array(z.int())])
      .optional()
      .describe("What to try"),
  }),
  query: read,
});

const guess = defineDriver({
  ...about,
  name: "guess",
  title: "Assumed",
  cuts: "nothing",
  assumes: true,
  outlet: z.object({}),
  query: read,
});

const button = defineDriver({
  ...about,
  name: "button",
  title: "Power button",
  cuts: "button",
  momentary: true,
  hub: z.object({ host: host() }),
  outlet: z.object({ outlet: z.string() }),
  on: act,
  off: { soft: act, hard: act },
});

export const drivers: readonly Driver[] = [plug, strip, poe, board, wake, shell, script, ping, guess, button];
