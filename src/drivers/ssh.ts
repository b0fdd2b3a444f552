/**
 * Asks the operating system of the machine itself, over SSH:
 *
 *     exec "sudo -n -- shutdown -h now"        exit status 0, or no status because the connection went down with the machine
 *
 * It can only shut down and restart.
 */
import { z } from "zod";
import { type Context, defineDriver } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import { clip } from "../wire/clip.ts";
import { choice, flag, host, secret, text } from "../wire/fields.ts";
import { type Finding, mistake } from "../wire/finding.ts";
import { SshClient, type SshEnded } from "../wire/ssh.ts";
import { sshFields, sshFindings } from "../wire/ssh-fields.ts";

/** What shuts a system down at once, and restarts it; from the manuals in `sources`. */
const PRESETS = {
  linux: { off: "shutdown -h now", reset: "shutdown -r now" },
  macos: { off: "shutdown -h now", reset: "shutdown -r now" },
  bsd: { off: "shutdown -p now", reset: "shutdown -r now" },
  windows: { off: "shutdown /s /f /t 0", reset: "shutdown /r /f /t 0" },
} as const;

const HUB = z.object({ host: host({ from: "address", own: true }), ...sshFields });
type Login = z.output<typeof HUB>;

const OUTLET = z.object({
  os: choice(["linux", "macos", "bsd", "windows"], "What runs there: chooses the commands").default("linux"),
  command: z
    .strictObject({ off: text("Shuts down").optional(), reset: text("Restarts").optional() })
    .default({})
    .describe("Commands in place of those of `os`, as texts for the user's shell there"),
  sudo: flag("Put sudo before the command").default(false),
  sudo_password: secret("Password for sudo; default the login's password, if there is one").optional(),
});
type Settings = z.output<typeof OUTLET>;

interface Host {
  readonly login: Login;
  readonly ssh: SshClient;
}

export default defineDriver({
  name: "ssh",
  title: "Shutdown over SSH",
  family: "The machine itself",
  summary: "Shuts down or restarts a machine by a command over SSH; it cannot switch on.",
  sources: [
    "https://www.rfc-editor.org/rfc/rfc4254#section-6.5",
    "https://man.openbsd.org/sshd#SSH_KNOWN_HOSTS_FILE_FORMAT",
    "https://www.sudo.ws/docs/man/sudo.man/",
    "https://www.freedesktop.org/software/systemd/man/latest/shutdown.html",
    "https://man.freebsd.org/cgi/man.cgi?query=shutdown&sektion=8",
    "https://keith.github.io/xcode-man-pages/shutdown.8.html",
    "https://learn.microsoft.com/en-us/windows-server/administration/windows-commands/shutdown",
  ],
  notes: [
    "It asks the operating system, which may hang or refuse: give the machine a supply as well, which is cut when asking did not help. For on and for the state combine it with `wake-on-lan` and `reachable`.",
    "The command is taken for obeyed when it exits with status 0, when the shutdown ends it by a signal, and when the connection goes down after the machine took it. Whether the machine is off is read elsewhere.",
    `The commands: ${Object.entries(PRESETS)
      .map(([os, { off, reset }]) => `${os} \`${off}\` and \`${reset}\``)
      .join(
        ", ",
      )}. \`/f\` closes programs that would object, as the others do. Write another as \`command\`: \`poweroff\` on Alpine, \`doas shutdown -p now\` on OpenBSD.`,
    "With `sudo: true` the command is run as `sudo -n -- …`, which needs a line such as `maas ALL=(root) NOPASSWD: /usr/sbin/shutdown` in /etc/sudoers.d; or, where a password is known, as `sudo -S -p '' -- …` with the password on standard input, never on a command line. sudo runs one program without a shell: write `sh -c '…'` for more.",
    "`host_key: known` takes only keys in known_hosts; hashed names and `@revoked` count, host certificates (`@cert-authority`) are not supported. `first` takes the key of the first login and keeps it as long as the daemon runs. MAAS gives a machine a new key with each deployment, so both end in `wrong_device` after the next one: there `any` is for you, and `address: maas` at the machine, for the address changes as well. With `any` use `key` or `agent`, which tell an impostor nothing, rather than a password.",
    "On Windows it needs OpenSSH Server, and a user who may shut down.",
  ],
  examples: [
    {
      title: "Woken by its network card, shut down by SSH",
      yaml: 'machines:\n  desktop:\n    mac: "00:00:5e:00:53:07"\n    address: 192.168.1.17\n    on: { driver: wake-on-lan }\n    off: { driver: ssh, user: maas, key: !file id_ed25519, sudo: true, wait: 60s }\n    query: { driver: reachable, silence: off }\n',
    },
    {
      title: "Deployed anew by MAAS again and again; asked first, then cut",
      yaml: 'machines:\n  "node[1-3]":\n    address: maas\n    supply: { driver: simulated, outlet: "{n}", kind: plug }\n    driver: ssh\n    user: ubuntu\n    key: !file id_ed25519\n    host_key: any\n    sudo: true\n    query: { driver: reachable }\n',
    },
    {
      title: "Windows, and a command of one's own",
      yaml: "machines:\n  windows-box:\n    address: 192.168.1.18\n    driver: ssh\n    user: maas\n    password: !secret windows\n    os: windows\n    query: { driver: reachable, ports: [3389], silence: off }\n  alpine-box:\n    address: 192.168.1.19\n    off: { driver: ssh, user: root, agent: /run/maasochist/agent.sock, command: poweroff }\n    query: { driver: reachable, silence: off }\n",
    },
  ],
  cuts: "os",
  hub: HUB,
  outlet: OUTLET,
  perVerb: ["command"],
  // A machine that goes down takes the connection with it. Some sshd look up names for seconds before a login.
  pace: { timeout: 20_000, idle: 1_000 },
  check,
  connect: async (login, { signal }): Promise<Host> => {
    const { host_key: rule, known_hosts: file, ...settings } = login;
    const ssh = new SshClient({ ...settings, hostKey: { rule, file } });
    await ssh.connect(signal);
    return { login, ssh };
  },
  disconnect: ({ ssh }) => ssh.close(),
  off: { soft: (machine, outlet, ctx) => command(machine, { outlet, verb: "off" }, ctx) },
  reset: (machine, outlet, ctx) => command(machine, { outlet, verb: "reset" }, ctx),
});

interface Asked {
  readonly outlet: Settings;
  readonly verb: "off" | "reset";
}

async function command({ login, ssh }: Host, { outlet, verb }: Asked, { signal }: Context): Promise<void> {
  const line = outlet.command[verb] ?? PRESETS[outlet.os][verb];
  const password = outlet.sudo ? (outlet.sudo_password ?? login.password) : undefined;
  const ended = await ssh.run({
    line: !outlet.sudo ? line : password ? `sudo -S -p '' -- ${line}` : `sudo -n -- ${line}`,
    input: password && `${password.reveal()}\n`,
    signal,
  });
  if (!endedByShutdown(ended)) throw failure(ended, { login, outlet, line });
}

/** How a shell tells that a signal ended its program: 128 and the number of HUP, KILL or TERM. */
const KILLED = [129, 137, 143];

/** Obeyed: it said so, or the shutdown ended it or the connection. */
function endedByShutdown(ended: SshEnded): boolean {
  switch (ended.how) {
    case "lost":
      return true;
    case "killed":
      return ["SIGHUP", "SIGKILL", "SIGTERM"].includes(ended.signal);
    case "exited":
      return ended.code === 0 || KILLED.includes(ended.code);
    default:
      return ended satisfies never;
  }
}

function failure(
  ended: SshEnded,
  { login, outlet, line }: { readonly login: Login; readonly outlet: Settings; readonly line: string },
): PowerError {
  const { host, user } = login;
  const secrets = [login.password, outlet.sudo_password].flatMap((secret) => (secret ? [secret.reveal()] : []));
  const said = clip(ended.stderr.trim() === "" ? ended.stdout : ended.stderr, secrets);
  const words = said === "" ? "" : `: ${said}`;
  const sudoers = `allow it without a password: \`${user} ALL=(root) NOPASSWD: /usr/sbin/shutdown\` in /etc/sudoers.d`;
  // sudo begins its own words with its name; those of the command it runs begin with another.
  const last = ended.stderr.trimEnd().split("\n").at(-1) ?? "";
  if (outlet.sudo && ended.how === "exited" && ended.code === 1 && /^sudo(-rs)?: /.test(last)) {
    return new PowerError("auth", `sudo on ${host} refuses ${user}${words}`, {
      hint: `Check \`sudo_password\`, or ${sudoers}.`,
    });
  }
  const how = ended.how === "exited" ? `exited with ${ended.code}` : "was killed";
  return new PowerError("refused", `"${line}" on ${host} ${how}${words}`, {
    mayHaveActed: true,
    hint: outlet.sudo
      ? `Run it by hand as ${user}, and see why it fails; for sudo ${sudoers}.`
      : `Run it by hand as ${user}, and see why it fails; where it needs root, set \`sudo: true\`.`,
  });
}

function check(outlet: Settings, hub: Login): Finding[] {
  const findings = sshFindings(hub);
  if (outlet.sudo && outlet.os === "windows") findings.push(mistake("sudo", "there is no such sudo on Windows"));
  if (outlet.sudo_password && !outlet.sudo) findings.push(mistake("sudo_password", "needs `sudo: true`"));
  return findings;
}
