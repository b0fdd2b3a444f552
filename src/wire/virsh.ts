/**
 * libvirt by its program `virsh`, in one of three ways: here, here over a tunnel of OpenSSH (`qemu+ssh://`), or on the
 * hypervisor itself over SSH. https://libvirt.org/manpages/virsh.html, https://libvirt.org/uri.html#ssh-transport
 */
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PowerError } from "../power/errors.ts";
import type { Secret } from "../power/secret.ts";
import { inheritedEnvironment, runProgram } from "./process.ts";
import { SshClient } from "./ssh.ts";
import type { HOST_KEY_RULES } from "./ssh-host-key.ts";

export const VIRSH_WAYS = ["ssh", "qemu+ssh"] as const;

export interface VirshLogin {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password?: Secret | undefined;
  readonly key?: Secret | undefined;
  readonly passphrase?: Secret | undefined;
  readonly agent?: string | true | undefined;
  readonly host_key: (typeof HOST_KEY_RULES)[number];
  readonly known_hosts?: string | undefined;
}

export interface VirshEnded {
  /** Undefined where a signal ended it. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Virsh {
  /** The hypervisor, for people. */
  readonly host: string;
  /** Texts to mask where a failure quotes its words. */
  readonly secrets: readonly string[];
  /** Throws PowerError where it does not come to an end of its own. */
  run(args: readonly string[], signal: AbortSignal): Promise<VirshEnded>;
  close(): Promise<void>;
}

const INSTALL =
  "Install it where the daemon runs: `apt-get install libvirt-clients`, `dnf install libvirt-client`. With `host` and `via: ssh` that of the hypervisor is used, and none is needed here.";

/** `virsh` here, for a URI of libvirt. */
export function virshHere(uri: string, host = "this host"): Virsh {
  return {
    host,
    secrets: [],
    run: (args, signal) =>
      runProgram({
        run: ["virsh", "-c", uri, ...args],
        env: { ...inheritedEnvironment(), LC_ALL: "C" },
        install: INSTALL,
        signal,
      }),
    close: () => Promise.resolve(),
  };
}

/** `virsh` on the hypervisor. Throws PowerError where there is no login. */
export async function virshThere(uri: string, login: VirshLogin, signal: AbortSignal): Promise<Virsh> {
  const { host_key: rule, known_hosts: file, ...settings } = login;
  const { host, password } = settings;
  const ssh = new SshClient({ ...settings, hostKey: { rule, file } });
  await ssh.connect(signal);
  return {
    host,
    secrets: password ? [password.reveal()] : [],
    run: async (args, signal) => {
      const line = ["env", "LC_ALL=C", "virsh", "-c", uri, ...args].map(quoted).join(" ");
      const { how, stdout, stderr, ...end } = await ssh.run({ line, signal });
      if (how === "lost")
        throw new PowerError("unreachable", `${host} closed the connection while virsh ran there`, {
          mayHaveActed: true,
        });
      const code = "code" in end ? end.code : undefined;
      // What the shell, and env, say of a program that they do not find.
      if (code === 127)
        throw new PowerError("config", `there is no virsh on ${host} for ${login.user}`, {
          hint: "Install it there: `apt-get install libvirt-clients`, `dnf install libvirt-client`.",
        });
      return { code, stdout, stderr };
    },
    close: () => Promise.resolve(ssh.close()),
  };
}

/** One word of a shell, whichever it is. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** `qemu:///system` as the hypervisor itself knows it; undefined where it names another host or a way there. */
export function ownUri(uri: string): { readonly driver: string; readonly rest: string } | undefined {
  const [, driver, rest] = /^([a-z]+):\/\/(\/.*)$/.exec(uri) ?? [];
  return driver === undefined || rest === undefined ? undefined : { driver, rest };
}

/**
 * `virsh` here, over OpenSSH. It is a script that libvirt starts in place of `ssh`: the URI has no words for known hosts,
 * nor for how long to wait.
 */
export async function virshOverSsh(uri: string, login: VirshLogin): Promise<Virsh> {
  const { host, port, user, key, agent, host_key: rule, known_hosts: file } = login;
  const own = ownUri(uri);
  if (!own) throw new PowerError("config", `${uri} is not a URI as the hypervisor itself knows it`);
  // Only this account may enter it.
  const folder = await mkdtemp(join(tmpdir(), "maasochist-virsh-"));
  const options = [
    "BatchMode=yes",
    "LogLevel=ERROR",
    "ConnectTimeout=5",
    "ServerAliveInterval=2",
    "ServerAliveCountMax=2",
    `StrictHostKeyChecking=${rule === "any" ? "no" : "yes"}`,
    ...(rule === "any" ? ["UserKnownHostsFile=/dev/null", "GlobalKnownHostsFile=/dev/null"] : []),
    ...(file === undefined ? [] : [`UserKnownHostsFile="${file}"`, "GlobalKnownHostsFile=/dev/null"]),
    // Without an agent's socket the agent in the environment would be asked for keys as well.
    ...(agent === undefined ? ["IdentityAgent=none"] : typeof agent === "string" ? [`IdentityAgent="${agent}"`] : []),
    ...(key ? [`IdentityFile="${join(folder, "key")}"`, "IdentitiesOnly=yes"] : []),
  ];
  const command = join(folder, "ssh");
  const words = options.flatMap((option) => ["-o", quoted(option)]).join(" ");
  await writeFile(command, `#!/bin/sh\nexec ssh ${words} "$@"\n`);
  await chmod(command, 0o700);
  if (key) await writeFile(join(folder, "key"), `${key.reveal().trim()}\n`, { mode: 0o600 });
  const name = host.includes(":") ? `[${host}]` : host;
  const query = `${own.rest.includes("?") ? "&" : "?"}command=${encodeURIComponent(command)}`;
  const tunnel = `${own.driver}+ssh://${encodeURIComponent(user)}@${name}:${port}${own.rest}${query}`;
  return {
    ...virshHere(tunnel, host),
    close: () => rm(folder, { recursive: true, force: true }),
  };
}
