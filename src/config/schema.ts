/** The configuration's own settings; those of drivers come from the drivers. */
import { z } from "zod";
import { ROLES } from "../power/access.ts";
import { choice, duration, flag, host, mac, text, watts } from "../wire/fields.ts";

const CENTURY_MS = 36_525 * 86_400_000;

/** How a hub wants to be treated. At a hub, or where a driver is used inline. */
export const PACE = z.object({
  concurrency: z.int().min(1).optional().describe("Exchanges at once"),
  interval: duration("Least time between the starts of two exchanges").optional(),
  settle: duration("How long a command takes to show in a reading").optional(),
  idle: duration("A connection that nobody used for so long is closed").optional(),
  timeout: duration("Longest an exchange may take", { least: 1 }).optional(),
});

/** A machine's own settings, beside its drivers'. */
export const MACHINE = z.object({
  description: text("For people").optional(),
  tags: z.array(text("A tag")).default([]).describe("Groups of machines, for the command line and for limits"),
  enabled: flag("false: takes no orders").default(true),
  protect: choice(["people", "all"], "From whom off, cycle and reset are refused").optional(),
  when_already_on: choice(
    ["leave", "cycle"],
    "What an on does to a machine that is on; cycle at most once per click",
  ).default("leave"),
  mac: mac({ description: "MAC address of the machine" }).optional(),
  address: host({ description: "Address of the machine, or of its only hub" }).optional(),
  verify: duration("How long a goal may take to show after the command").prefault("120s"),
  min_off: duration("Least time a supply stays open; 5s for mains, 2s for a port, else 0s").optional(),
  fresh: duration("A reading younger than this is answered again").prefault("1s"),
  settle: duration("How long a command takes to show in a reading").prefault("0s"),
  cut: choice(
    ["last_resort", "always", "never"],
    "When off may open the supply of a machine that has other ways",
  ).default("last_resort"),
  how: choice(
    ["soft", "hard", "soft_then_hard"],
    "Which way to switch off where one control offers both; default hard for MAAS, soft_then_hard for people",
  ).optional(),
  poll: duration("How often the machine is read when nobody asks", { least: 1_000 }).prefault("30s"),
  above: watts("From how much power on the supply's meter says that the machine runs").optional(),
  for: duration("How long the meter must stay on the other side of `above` before the state follows it").prefault("0s"),
});

/** Keys of a machine that hold drivers, and how entries are built. */
export const MACHINE_STRUCTURE = {
  use: "Name of a profile, or a list of them",
  override: "true: replaces single values of the range this machine is a member of",
  hub: "Name of a hub under `hubs:`",
  driver: "Driver of a hub of its own",
  supply: "Outlets through which the machine gets its current: one, or a list",
  on: "Ways to switch on, tried in turn: one, or a list",
  off: "Ways to switch off, tried in turn: one, or a list",
  cycle: "The way to cycle, where it is more than off and on",
  reset: "The way to reset",
  query: "How the state is read: one way, a list (first definite answer), or { all: […] } or { any: […] }",
} as const;

/** What a stage has beside its driver's settings. */
export const STAGE = z.object({
  wait: duration("How long the goal may take to show; default `verify`, 60s for a soft off").optional(),
  how: choice(["soft", "hard"], "For a driver that can switch off both ways").optional(),
});

/** What a supply has beside its driver's settings. */
export const SUPPLY = z.object({
  after_ac: choice(["starts", "stays_off"], "What the machine does by itself when its supply closes").default("starts"),
});

const GRANT = {
  name: text("Shown in the journal"),
  role: choice(ROLES, "maas and operator switch, viewer sees, admin configures"),
  machines: z.array(text("A name, or a pattern with *")).default(["*"]).describe("Machines it is limited to"),
  from: z
    .array(text("A network such as 192.168.1.0/24, or an address"))
    .default([])
    .describe("Where it may be used from; empty: anywhere"),
};

export const TOKEN = z.strictObject({
  ...GRANT,
  token: text("The token itself; better `!secret NAME`").optional(),
  token_sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, "must be the SHA-256 of the token, 64 digits in lower-case hex")
    .optional()
    .describe("SHA-256 of the token, in place of it"),
});

export const USER = z.strictObject({
  ...GRANT,
  name: text("Shown in the journal").regex(
    /^[^:]*$/,
    "must not hold a colon: Basic authentication ends the name there",
  ),
  password_hash: z
    .string()
    .regex(
      /^scrypt:\d+:\d+:\d+:[A-Za-z0-9+/]+=*:[A-Za-z0-9+/]+=*$/,
      "must be written scrypt:N:r:p:salt:hash; `maasochist user add` makes one",
    )
    .describe("scrypt:N:r:p:salt:hash"),
});

export const SERVER = z.strictObject({
  listen: z
    .union([text("An address"), z.array(text("An address")).min(1)])
    .default("127.0.0.1:6227")
    .describe("host:port, [::]:6227, unix:/run/x.sock or systemd; one, or a list"),
  url: text("An address").optional().describe("How MAAS reaches this daemon: a literal IP in a rack's subnet"),
  hold: duration("Longest a webhook is held for its proof; past it MAAS is told that the order is under way").prefault(
    "100s",
  ),
  shutdown_grace: duration("Time that orders under way get when the daemon stops").prefault("10s"),
});

export const STORE = z.strictObject({
  path: text("File of the journal")
    .optional()
    .describe("File of the journal; default maasochist.db beside the configuration"),
  keep: duration("How long orders and events are kept", { longest: CENTURY_MS }).prefault("90d"),
});

/** The rules in the lists are checked one by one. */
export const ACCESS = z.strictObject({
  tokens: z.array(z.unknown()).default([]).describe("Bearer tokens"),
  users: z.array(z.unknown()).default([]).describe("Users with passwords"),
});

/** How many machines may be starting at once. */
export const LIMIT = z.strictObject({
  tag: text("Machines with this tag").optional(),
  hub: text("Machines on this hub").optional(),
  starting: z.int().min(1).describe("How many may be starting at once"),
  pause: duration("Least time between two starts").prefault("0s"),
});

/** Top-level keys, and what they hold. */
export const TOP_LEVEL = {
  server: "Where the daemon listens",
  access: "Who may do what",
  store: "Where the journal is kept",
  drivers: "Drivers of your own: files or packages, resolved from this folder",
  include: "Files to merge in, such as conf.d/*.yaml",
  limits: "How many machines may be starting at once, by tag or hub",
  profiles: "Settings that machines share with `use:`",
  hubs: "Plugs, PDUs, switches, brokers: what drivers talk to",
  machines: "What MAAS powers",
} as const;

/** Keys of `access:` that hold credentials. */
export const ACCESS_SECRETS = ["token", "token_sha256", "password_hash"] as const;

/** Promised by the design for later versions: refused by name, so that nobody believes they act. */
export const LATER_TOP_LEVEL = ["maas", "compat"];
export const LATER_MACHINE = ["maas"];
export const LATER_SERVER = ["tls"];

/** Every key of the configuration itself that may be shown with its value. */
export const OWN_KEYS: readonly string[] = [
  ...[PACE, MACHINE, STAGE, SUPPLY, SERVER, STORE, ACCESS, TOKEN, USER, LIMIT].flatMap(({ shape }) =>
    Object.keys(shape),
  ),
  ...[TOP_LEVEL, MACHINE_STRUCTURE].flatMap((keys) => Object.keys(keys)),
  ...LATER_TOP_LEVEL,
  ...LATER_MACHINE,
  ...LATER_SERVER,
];

export function notYet(key: string): { readonly code: string; readonly message: string; readonly hint: string } {
  return {
    code: "not-available-yet",
    message: `\`${key}\` is not available in this version`,
    hint: "Take it out for now: a setting that does nothing would be a lie.",
  };
}
