/** What drivers that speak SNMP are told: the agent's address, version and credentials. */
import { z } from "zod";
import { choice, duration, host, port, secret, text } from "./fields.ts";
import { type Finding, mistake } from "./finding.ts";

/** RFC 3414, 11.2. */
const SHORTEST_PASSWORD = 8;

/** By their names in RFC 3414 and RFC 7860. */
const AUTH_PROTOCOLS = ["md5", "sha", "sha224", "sha256", "sha384", "sha512"] as const;
/** AES with 128 bits (RFC 3826), and with 256 in the two ways of lengthening the key that devices have. */
const PRIV_PROTOCOLS = ["aes", "aes256", "aes256-cisco"] as const;

export const snmpFields = {
  host: host({ from: "address" }),
  port: port("UDP port of its SNMP agent").default(161),
  version: z
    .union([z.literal([1, 3]).transform((version) => (version === 1 ? ("1" as const) : "3")), z.enum(["1", "2c", "3"])])
    .prefault("2c")
    .describe("Version of SNMP: 1, 2c or 3"),
  community: secret("Community for reading, of versions 1 and 2c; default public").optional(),
  write_community: secret("Community for writing; default that for reading").optional(),
  user: text("User of version 3").optional(),
  auth: secret("Password that proves the user, of version 3").optional(),
  auth_protocol: choice(AUTH_PROTOCOLS, "How it is proven").default("sha"),
  priv: secret("Password that encrypts, of version 3").optional(),
  priv_protocol: choice(PRIV_PROTOCOLS, "How it is encrypted").default("aes"),
  context: text("Context of version 3, where the device has several").optional(),
  wait: duration("How long an answer may take before the question is sent again", {
    least: 10,
    longest: 10_000,
  }).prefault("1s"),
  tries: z.int().min(1).max(5).default(3).describe("How often a question is sent before there is no answer"),
};

const SETTINGS = z.object(snmpFields);
export type SnmpSettings = z.output<typeof SETTINGS>;

export function snmpFindings(settings: SnmpSettings): Finding[] {
  const { version, user, auth, priv } = settings;
  if (version !== "3") {
    const alien = (["user", "auth", "priv", "context"] as const).filter((key) => settings[key] !== undefined);
    return alien.map((key) =>
      mistake(key, `belongs to version 3, and the version is ${version}: write \`version: 3\``),
    );
  }
  const alien = (["community", "write_community"] as const).filter((key) => settings[key] !== undefined);
  return [
    ...alien.map((key) => mistake(key, "belongs to versions 1 and 2c; version 3 has `user`, `auth` and `priv`")),
    ...(user === undefined ? [mistake("user", "version 3 needs a user")] : []),
    ...(priv && !auth ? [mistake("priv", "needs `auth` too: version 3 encrypts nothing that is not proven")] : []),
    ...(["auth", "priv"] as const).flatMap((key) =>
      (settings[key]?.reveal().length ?? SHORTEST_PASSWORD) < SHORTEST_PASSWORD
        ? [mistake(key, `is shorter than the ${SHORTEST_PASSWORD} characters that version 3 asks for`)]
        : [],
    ),
  ];
}
