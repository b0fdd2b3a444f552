/**
 * Is it the right machine that answers? Its host key tells, by one of three rules:
 *
 *     known   it stands in known_hosts
 *     first   the one that the first login met; kept as long as the process lives
 *     any     every key
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import type { ServerHostKeyAlgorithm } from "ssh2";
import { messageOf, PowerError } from "../power/errors.ts";
import { type KnownHost, knownName, namesHost, parseKnownHosts } from "./ssh-known-hosts.ts";

export const HOST_KEY_RULES = ["known", "first", "any"] as const;

export interface HostKeySettings {
  readonly host: string;
  readonly port: number;
  readonly rule: (typeof HOST_KEY_RULES)[number];
  /** Read instead of the account's and the system's `known_hosts`. */
  readonly file?: string | undefined;
}

/** What one connection asks of the key that the machine shows. */
export interface HostKeyCheck {
  /** What to ask for, best first: a key of a type that is known, where there is one, can be compared. */
  readonly algorithms: ServerHostKeyAlgorithm[];
  /** Why the key is not taken; undefined where it is. */
  refuse(key: Buffer): PowerError | undefined;
  /** The login with this key succeeded. */
  keep(key: Buffer): void;
}

const ALGORITHMS: readonly ServerHostKeyAlgorithm[] = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "rsa-sha2-512",
  "rsa-sha2-256",
  "ssh-rsa",
];

/** What machines showed first, by their name in `known_hosts`. */
const firstKeys = new Map<string, Buffer>();

/** Throws PowerError `config` where `known_hosts` cannot be read. */
export async function hostKeyCheck(settings: HostKeySettings): Promise<HostKeyCheck> {
  const { rule } = settings;
  switch (rule) {
    case "any":
      return { algorithms: [...ALGORITHMS], refuse: () => undefined, keep: () => undefined };
    case "first":
      return firstCheck(settings);
    case "known":
      return knownCheck(settings, await readKnownHosts(settings));
    default:
      return rule satisfies never;
  }
}

function firstCheck({ host, port }: HostKeySettings): HostKeyCheck {
  const name = knownName(host, port);
  const first = firstKeys.get(name);
  return {
    algorithms: inOrder(first ? [first] : []),
    refuse: (key) =>
      first && !first.equals(key)
        ? new PowerError(
            "wrong_device",
            `${host} shows the host key ${describe(key)}, at first it was ${describe(first)}`,
            {
              hint: "If it was installed anew, restart this daemon, which makes it forget; `host_key: any` suits machines that MAAS deploys again and again. If not, another machine has its address.",
            },
          )
        : undefined,
    keep: (key) => {
      if (!firstKeys.has(name)) firstKeys.set(name, key);
    },
  };
}

function knownCheck(settings: HostKeySettings, entries: readonly KnownHost[]): HostKeyCheck {
  const { host, port } = settings;
  const name = knownName(host, port);
  const about = entries.filter((entry) => namesHost(entry, name));
  const known = about.filter(({ marker }) => marker === undefined);
  // As OpenSSH: an entry without port holds for any port, but proves nothing against a key on another one.
  const loose = entries.filter((entry) => entry.marker === undefined && namesHost(entry, host));
  const revoked = entries.filter(
    (entry) => entry.marker === "revoked" && (namesHost(entry, name) || namesHost(entry, host)),
  );
  return {
    algorithms: inOrder([...known, ...loose].map(({ key }) => key)),
    refuse: (key) => {
      const withdrawn = revoked.find((entry) => entry.key.equals(key));
      if (withdrawn)
        return new PowerError(
          "wrong_device",
          `${host} shows the host key ${describe(key)}, revoked at ${withdrawn.place}`,
          {
            hint: "Give the machine a new host key, and find out why this one was revoked.",
          },
        );
      if ([...known, ...loose].some((entry) => entry.key.equals(key))) return undefined;
      const [other] = known;
      return other ? changed(settings, { key, other }) : unknown(settings, { key, about });
    },
    keep: () => undefined,
  };
}

function changed(
  settings: HostKeySettings,
  { key, other }: { readonly key: Buffer; readonly other: KnownHost },
): PowerError {
  const { host, port } = settings;
  return new PowerError(
    "wrong_device",
    `${host} shows the host key ${describe(key)}, and is known by ${describe(other.key)} at ${other.place}`,
    {
      hint: `If it was installed anew: ssh-keygen -R '${knownName(host, port)}' -f ${fileOf(settings)}; ${scan(settings)}. \`host_key: any\` suits machines that MAAS deploys again and again. If not, another machine has its address.`,
    },
  );
}

function unknown(
  settings: HostKeySettings,
  { key, about }: { readonly key: Buffer; readonly about: readonly KnownHost[] },
): PowerError {
  const authority = about.find(({ marker }) => marker === "cert-authority");
  const where = authority
    ? `there is only a certificate authority for it at ${authority.place}, and host certificates are not supported`
    : `it is not in ${settings.file ?? defaultFiles().join(" or ")}`;
  return new PowerError("auth", `the host key of ${settings.host}, ${describe(key)}, is not known: ${where}`, {
    hint: `Compare it with \`ssh-keygen -lf /etc/ssh/ssh_host_${shortType(key)}_key.pub\` on the machine, then: ${scan(settings)}. Or set \`host_key: first\`, or \`any\` for machines that MAAS deploys again and again.`,
  });
}

function scan(settings: HostKeySettings): string {
  const { host, port } = settings;
  return `ssh-keyscan -p ${port} ${host} >> ${fileOf(settings)}`;
}

function fileOf({ file }: HostKeySettings): string {
  return file === undefined ? accountFile() : atHome(file);
}

async function readKnownHosts({ file }: HostKeySettings): Promise<KnownHost[]> {
  const files = file === undefined ? defaultFiles() : [atHome(file)];
  const read = files.map(async (path) => {
    try {
      return parseKnownHosts(await readFile(path, "utf8"), path);
    } catch (cause) {
      const absent = typeof cause === "object" && cause !== null && "code" in cause && cause.code === "ENOENT";
      if (absent && file === undefined) return [];
      throw new PowerError("config", `${path} cannot be read: ${messageOf(cause)}`, {
        cause,
        hint: "Correct `known_hosts`, or make the file readable for this daemon's account.",
      });
    }
  });
  return (await Promise.all(read)).flat();
}

function defaultFiles(): string[] {
  const system =
    process.platform === "win32" ? join(process.env["ProgramData"] ?? "C:\\ProgramData", "ssh") : "/etc/ssh";
  return [accountFile(), join(system, "ssh_known_hosts")];
}

function accountFile(): string {
  return join(homedir(), ".ssh", "known_hosts");
}

function atHome(file: string): string {
  return file.startsWith("~/") ? join(homedir(), file.slice(2)) : file;
}

function inOrder(keys: readonly Buffer[]): ServerHostKeyAlgorithm[] {
  const types = new Set(keys.map(typeOf));
  const known = (algorithm: string) => types.has(algorithm.startsWith("rsa-sha2-") ? "ssh-rsa" : algorithm);
  return [...ALGORITHMS.filter(known), ...ALGORITHMS.filter((algorithm) => !known(algorithm))];
}

/** RFC 4253, 6.6: a key begins with the name of its type, as a string with its length before it. */
function typeOf(key: Buffer): string {
  return key.length < 4 ? "" : key.toString("latin1", 4, 4 + key.readUInt32BE(0));
}

function shortType(key: Buffer): string {
  const type = typeOf(key);
  return type === "ssh-ed25519" ? "ed25519" : type.startsWith("ecdsa-") ? "ecdsa" : "rsa";
}

/** As `ssh-keygen -l` prints it. */
function describe(key: Buffer): string {
  const hash = createHash("sha256").update(key).digest("base64").replace(/=+$/, "");
  return `SHA256:${hash} (${typeOf(key)})`;
}
