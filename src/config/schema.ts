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

/** In place of a machine's address: it changes, and MAAS knows it. */
export const ASK_MAAS = "maas";

/** Which machine of MAAS it is, where neither its MAC address nor its name tells it. */
const MAAS_NAME = z
  .strictObject({
    system_id: z
      .string()
      .regex(/^[A-Za-z0-9-]{6,41}$/, "is no system_id of MAAS, such as k3hxa7")
      .optional(),
    hostname: host({ description: "Its host name in MAAS, with or without its domain" }).optional(),
  })
  .describe(
    "Which machine of MAAS it is, where MAC address and name do not tell it: `{ system_id: … }` or `{ hostname: … }`",
  );

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
  address: host({
    description: `Address of the machine, or of its only hub; \`${ASK_MAAS}\`: MAAS is asked where the machine is`,
  }).optional(),
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
  maas: MAAS_NAME.optional(),
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

const NETWORK = text("A network such as 192.168.1.0/24, or an address");

/** What a listener may serve. */
export const SERVED = ["maas", "api", "page"] as const;

export const TLS = z.strictObject({
  cert: text("A file").describe("PEM file of the certificate, those between it and its authority behind it"),
  key: text("A file").describe("PEM file of its key"),
  client_ca: text("A file")
    .optional()
    .describe("PEM file of authorities: callers need a certificate that one of them signed"),
  // Without quotes it is a number.
  min_version: z
    .literal(["1.2", "1.3", 1.2, 1.3])
    .transform((version) => (Number(version) === 1.3 ? "1.3" : "1.2"))
    .prefault("1.2")
    .describe("Oldest version of TLS that is spoken"),
});

export const LISTENER = z.strictObject({
  address: text("An address").describe("host:port, [::]:6227, unix:/run/x.sock or systemd"),
  tls: z
    .union([TLS, z.literal(false)])
    .optional()
    .describe("Its own certificate, or `false`: none; else that of `server`, except on a UNIX socket"),
  serve: z
    .array(choice(SERVED, "MAAS's webhooks, the API, the dashboard"))
    .min(1)
    .default([...SERVED])
    .describe("What is served there; all else is refused"),
  from: z.array(NETWORK).default([]).describe("Where callers must come from; empty: anywhere"),
});

const LISTEN = z.union([text("An address"), LISTENER]);

export const SERVER = z.strictObject({
  listen: z
    .union([LISTEN, z.array(LISTEN).min(1)])
    .prefault("127.0.0.1:6227")
    .describe("host:port, [::]:6227, unix:/run/x.sock or systemd; one, or a list; each may be a map with more"),
  tls: TLS.optional().describe("The certificate of every listener that has none of its own"),
  trusted_proxies: z
    .array(text("A network, an address, or unix"))
    .default([])
    .describe(
      "Proxies in front, as networks or addresses, or `unix`: their X-Forwarded-For, -Proto and -Host are believed",
    ),
  base_path: z
    .string()
    .regex(/^(?:\/[A-Za-z0-9._~-]+)+$/, "must be a path such as /power, without a slash at its end")
    .regex(/^(?!\/(?:maas|api|assets|healthz|readyz|metrics)(?:\/|$))/i, "must not be one of the daemon's own paths")
    .optional()
    .describe("The path that a proxy in front gives the daemon, such as `/power`"),
  url: z
    .union([text("An address"), z.array(text("An address")).min(1)])
    .optional()
    .describe(
      "How MAAS reaches this daemon: a literal IP in a rack's subnet; a list where racks are in several subnets",
    ),
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

export const METRICS = z.strictObject({
  from: z
    .array(text("A network such as 192.168.1.0/24, or an address"))
    .default([])
    .describe("From where `/metrics` is told without a credential; empty: from nowhere"),
});

/** From what tells most to what tells least. */
export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const LOG = z.strictObject({
  level: choice(
    LOG_LEVELS,
    "What is told at least; default info. MAASOCHIST_LOG_LEVEL, `-v` and `-q` win over it",
  ).optional(),
});

/** The MAAS whose machines these are. */
export const MAAS = z.strictObject({
  url: text("An address").describe("MAAS's address, such as http://192.168.1.2:5240/MAAS"),
  key: z
    .string()
    .regex(
      /^[^:\s]+:[^:\s]+:[^:\s]+$/,
      "must have three parts with colons between them, as MAAS shows it under API keys",
    )
    .optional()
    .describe("API key of an administrator, as `!secret NAME`; absent: the one that `maasochist maas login` keeps"),
  ca: text("PEM").optional().describe("Certificate of the authority that MAAS's is signed by, as `!file PATH`"),
  insecure: flag("true: accept any certificate of MAAS").default(false),
});

/** The rules in the lists are checked one by one. */
export const ACCESS = z.strictObject({
  tokens: z.array(z.unknown()).default([]).describe("Bearer tokens"),
  users: z.array(z.unknown()).default([]).describe("Users with passwords"),
});

/** maaspower's routes, for those who come from it. */
export const MAASPOWER = z.strictObject({
  allow_get: flag("true: a GET switches too, as in maaspower").default(false),
  names: z
    .record(z.string(), text("Name of a machine"))
    .default({})
    .describe("Machines by the names that MAAS has for them, where those are not their own"),
  plain: z
    .array(text("A name, or a pattern with *"))
    .default([])
    .describe("Machines whose state is told as `on` or `off`, as maaspower did for Kasa plugs and Cisco switches"),
});

/** Other tools whose routes are served. A tool with nothing behind it is served with the defaults. */
export const COMPAT = z.strictObject({ maaspower: MAASPOWER.nullish().describe("Routes of maaspower") });

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
  metrics: "Who may scrape metrics without a credential",
  log: "How much the daemon's log tells",
  maas: "The MAAS whose machines these are, for `maasochist maas`",
  drivers: "Drivers of your own: files or packages, resolved from this folder",
  include: "Files to merge in, such as conf.d/*.yaml",
  limits: "How many machines may be starting at once, by tag or hub",
  profiles: "Settings that machines share with `use:`",
  hubs: "Plugs, PDUs, switches, brokers: what drivers talk to",
  compat: "Routes of another tool that are served too, for those who come from it: `maaspower`",
  machines: "What MAAS powers",
} as const;

/** Keys of `access:` that hold credentials. */
export const ACCESS_SECRETS = ["token", "token_sha256", "password_hash"] as const;
/** Those of `maas:`. */
export const MAAS_SECRETS = ["key"] as const;

/** Promised by the design for later versions: refused by name, so that nobody believes they act. */

/** Every key of the configuration itself that may be shown with its value. */
export const OWN_KEYS: readonly string[] = [
  ...[
    PACE,
    MACHINE,
    MAAS_NAME,
    STAGE,
    SUPPLY,
    SERVER,
    LISTENER,
    TLS,
    STORE,
    METRICS,
    LOG,
    MAAS,
    ACCESS,
    TOKEN,
    USER,
    LIMIT,
    COMPAT,
    MAASPOWER,
  ].flatMap(({ shape }) => Object.keys(shape)),
  ...[TOP_LEVEL, MACHINE_STRUCTURE].flatMap((keys) => Object.keys(keys)),
];
