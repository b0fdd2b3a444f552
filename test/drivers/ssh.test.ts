import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { formatProblem, parseConfiguration } from "../../src/config/index.ts";
import { drivers } from "../../src/drivers/index.ts";
import ssh from "../../src/drivers/ssh.ts";
import { DEFAULT_PACE, type Pace } from "../../src/power/driver.ts";
import { Outlet } from "../../src/power/outlet.ts";
import { failureOf, until } from "../expecting.ts";
import { loneHub } from "../lone-hub.ts";
import { keyPair, type SshFault, SshMachine, type SshMachineOptions } from "../simulators/ssh.ts";

const PASSWORD = "correct horse battery staple";
const users = { maas: { password: PASSWORD } };
const pair = keyPair();

function started(options: Partial<SshMachineOptions> = {}): Promise<SshMachine> {
  return SshMachine.start({ users, ...options });
}

interface Given {
  readonly login?: object;
  readonly outlet?: object;
  readonly pace?: Partial<Pace>;
}

/** Commands the machine as the controller would, by a hub of its own. */
async function ask(machine: SshMachine, verb: "off" | "reset", given: Given = {}): Promise<void> {
  const login = { host: "127.0.0.1", port: machine.port, user: "maas", password: PASSWORD, host_key: "any" };
  const spec = {
    key: `ssh:127.0.0.1:${machine.port}`,
    name: "nuc1",
    driver: ssh,
    settings: ssh.hub?.parse({ ...login, ...given.login }),
    pace: { ...DEFAULT_PACE, ...ssh.pace, ...given.pace },
  };
  await using hub = loneHub(spec);
  const settings: unknown = ssh.outlet.parse(given.outlet ?? {});
  const outlet = new Outlet({ hub: spec, settings, label: "ssh nuc1" }, hub);
  const asking = { machine: { name: "nuc1" }, last: undefined, priority: "order" } as const;
  await outlet.command(verb, verb === "off" ? "soft" : undefined, asking);
}

describe("a machine with", () => {
  test.each(["linux", "macos", "bsd", "windows"] as const)("%s shuts down", async (os) => {
    await using machine = await started({ os });
    await ask(machine, "off", { outlet: { os } });
    await until(() => !machine.running);
    expect(machine.boots).toBe(1);
    expect(machine.commands).toHaveLength(1);
  });

  test.each(["linux", "macos", "bsd", "windows"] as const)("%s restarts", async (os) => {
    await using machine = await started({ os });
    await ask(machine, "reset", { outlet: { os } });
    await until(() => machine.running && machine.boots === 2);
    expect(machine.commands).toHaveLength(1);
  });

  test("a command of one's own is asked in its own words, and for the other verb as usual", async () => {
    await using machine = await started();
    const outlet = { command: { off: "poweroff" } };
    await ask(machine, "reset", { outlet });
    await until(() => machine.boots === 2);
    await ask(machine, "off", { outlet });
    await until(() => !machine.running);
    expect(machine.commands).toEqual(["shutdown -r now", "poweroff"]);
  });
});

describe("the command is obeyed when the machine", () => {
  test.each([
    ["tells its exit before it goes", "exit"],
    ["ends it by a signal as it goes", "signal"],
    ["goes, and the connection with it", "lost"],
  ] as const)("%s", async (_how, farewell) => {
    await using machine = await started();
    machine.farewell = farewell;
    await ask(machine, "off");
    await until(() => !machine.running);
    expect(machine.commands).toEqual(["shutdown -h now"]);
  });

  test("lets a shell tell that a signal ended its program", async () => {
    await using machine = await started();
    machine.exitWith = { code: 143, words: "" };
    await ask(machine, "off");
    expect(machine.commands).toEqual(["shutdown -h now"]);
  });
});

describe("with sudo", () => {
  const outlet = { sudo: true };

  test("a machine that asks for no password is not given one", async () => {
    await using machine = await started({ users: { maas: { key: pair.public } } });
    await ask(machine, "off", { login: { password: undefined, key: pair.private }, outlet });
    await until(() => !machine.running);
    expect(machine.commands).toEqual(["sudo -n -- shutdown -h now"]);
    expect(machine.inputs).toEqual([""]);
  });

  test("the login's password goes to sudo's input, and never onto a command line", async () => {
    await using machine = await started({ sudo: "asks" });
    await ask(machine, "off", { outlet });
    await until(() => !machine.running);
    expect(machine.commands).toEqual(["sudo -S -p '' -- shutdown -h now"]);
    expect(machine.inputs).toEqual([`${PASSWORD}\n`]);
  });

  test("a password of its own goes before that of the login", async () => {
    await using machine = await started({
      sudo: "asks",
      users: { maas: { key: pair.public }, root: { password: "for sudo only" } },
    });
    const login = { password: undefined, key: pair.private };
    await ask(machine, "off", { login, outlet: { sudo: true, sudo_password: "for sudo only" } });
    await until(() => !machine.running);
    expect(machine.inputs).toEqual(["for sudo only\n"]);
  });

  test.each([
    [
      "a password that is not known",
      { login: { password: undefined, key: pair.private }, outlet },
      /a password is required$/,
    ],
    ["another password", { outlet: { sudo: true, sudo_password: "wrong one" } }, /1 incorrect password attempt$/],
  ])("a machine that asks for %s fails with `auth` and the line for sudoers", async (_what, given, message) => {
    await using machine = await started({
      sudo: "asks",
      users: { maas: { password: PASSWORD, key: pair.public } },
    });
    const failure = await failureOf(ask(machine, "off", given));
    expect(failure).toMatchObject({
      code: "auth",
      mayHaveActed: false,
      message: expect.stringMatching(message),
      hint: expect.stringContaining("maas ALL=(root) NOPASSWD: /usr/sbin/shutdown"),
    });
    expect(machine.running).toBe(true);
  });

  test("a user who may not use sudo is refused in sudo's words", async () => {
    await using machine = await started({ sudo: "forbids" });
    expect(await failureOf(ask(machine, "off", { outlet }))).toMatchObject({
      code: "refused",
      message: expect.stringContaining("maas is not in the sudoers file."),
      hint: expect.stringContaining("NOPASSWD"),
    });
    expect(machine.running).toBe(true);
  });
});

describe("a failure", () => {
  test("of the command tells its status and its last words on one line", async () => {
    await using machine = await started();
    machine.exitWith = { code: 1, words: "shutdown: not while\nan update is under way\n" };
    const failure = await failureOf(ask(machine, "off"));
    expect(failure).toMatchObject({ code: "refused", mayHaveActed: true });
    expect(failure.message).toBe(
      '"shutdown -h now" on 127.0.0.1 exited with 1: shutdown: not while an update is under way',
    );
    expect(machine.running).toBe(true);
  });

  test("shows no secret, not even where the machine repeats it", async () => {
    await using machine = await started();
    machine.exitWith = { code: 1, words: `what is ${PASSWORD}? and for sudo only?\n` };
    const outlet = { sudo: true, sudo_password: "for sudo only" };
    const failure = await failureOf(ask(machine, "off", { outlet }));
    const told = inspect(failure, { depth: 10 });
    expect(failure.message).toContain("what is •••? and •••?");
    expect(told).not.toContain(PASSWORD);
    expect(told).not.toContain("for sudo only");
  });

  test.each<[string, SshFault, string, boolean]>([
    ["that takes the connection and says nothing", "silent", "timeout", false],
    ["that is no SSH server", "rubbish", "protocol", false],
    ["that takes no commands", "no-exec", "refused", false],
    ["that goes away as the command arrives", "no-session", "unreachable", true],
    ["that never ends the command", "hangs", "timeout", true],
  ])("of a machine %s tells whether it may have acted", async (_what, fault, code, mayHaveActed) => {
    await using machine = await started();
    machine.fault = fault;
    const failure = await failureOf(ask(machine, "off", { pace: { timeout: 700 } }));
    expect(failure).toMatchObject({ code, mayHaveActed });
    await until(() => machine.connections === 0);
    expect(machine.running).toBe(true);
  });

  test.each<[string, object, string]>([
    ["a wrong password", { password: "wrong one" }, "auth"],
    ["a host key that is not known", { host_key: "known", known_hosts: "/dev/null" }, "auth"],
  ])("by %s means that the machine was not asked", async (_why, login, code) => {
    await using machine = await started();
    expect(await failureOf(ask(machine, "off", { login }))).toMatchObject({ code, mayHaveActed: false });
    expect(machine.commands).toEqual([]);
  });

  test("by an agent that nobody told us of is the configuration's", async () => {
    await using machine = await started();
    vi.stubEnv("SSH_AUTH_SOCK", "");
    onTestFinished(() => void vi.unstubAllEnvs());
    const failure = await failureOf(ask(machine, "off", { login: { agent: true } }));
    expect(failure).toMatchObject({ code: "config", message: expect.stringContaining("SSH_AUTH_SOCK") });
  });
});

describe("in a configuration", () => {
  async function said(yaml: string): Promise<string[]> {
    const folder = await mkdtemp(join(tmpdir(), "mso-ssh-"));
    try {
      await writeFile(join(folder, "id_ed25519"), pair.private, { mode: 0o600 });
      await writeFile(join(folder, "id_locked"), keyPair({ passphrase: "opensesame" }).private, { mode: 0o600 });
      await writeFile(join(folder, "secrets.yaml"), "windows: hunter2\n", { mode: 0o600 });
      const file = join(folder, "maasochist.yaml");
      const { problems } = await parseConfiguration(yaml, { drivers, file, cwd: folder });
      return problems.map(
        (problem) => `${problem.severity} ${problem.code}: ${formatProblem(problem, { color: false }).split("\n")[0]}`,
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  test.each(ssh.examples.map(({ title, yaml }) => [title, yaml] as const))(
    "the example %s is right",
    async (_title, yaml) => {
      expect((await said(yaml)).filter((line) => line.startsWith("error"))).toEqual([]);
    },
  );

  const MACHINE = (settings: string) =>
    `machines:\n  nuc1:\n    address: 192.168.1.17\n    off: { driver: ssh, user: maas, ${settings} }\n    query: { driver: reachable }\n`;

  test.each([
    ["nothing that proves who it is", "os: linux", /error .*nothing proves who it is/],
    ["a path in place of a key", "key: /root/.ssh/id_ed25519", /error .*is not the text of a private key/],
    ["an encrypted key and no passphrase", "key: !file id_locked", /error .*is encrypted: give `passphrase`/],
    ["a passphrase and no key", "password: p, passphrase: x", /error .*no `key` that it would open/],
    [
      "known_hosts that nobody reads",
      "key: !file id_ed25519, host_key: any, known_hosts: /x",
      /error .*read only with/,
    ],
    ["known_hosts beside nobody knows what", "key: !file id_ed25519, known_hosts: x", /error .*full path/],
    ["sudo on Windows", "password: p, os: windows, sudo: true", /error .*no such sudo on Windows/],
    ["a password for no sudo", "password: p, sudo_password: x", /error .*needs `sudo: true`/],
    ["a password for whoever answers", "password: p, host_key: any", /warning password-to-any: /],
  ])("%s is found", async (_what, settings, line) => {
    expect(await said(MACHINE(settings))).toContainEqual(expect.stringMatching(line));
  });

  test("an encrypted key with its passphrase is right", async () => {
    const lines = await said(MACHINE("key: !file id_locked, passphrase: opensesame, command: poweroff"));
    expect(lines.filter((line) => line.startsWith("error"))).toEqual([]);
  });
});
