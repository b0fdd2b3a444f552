import { access, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import ssh from "../../src/drivers/ssh.ts";
import { DEFAULT_PACE } from "../../src/power/driver.ts";
import { Outlet } from "../../src/power/outlet.ts";
import { failureOf, until } from "../expecting.ts";
import { loneHub } from "../lone-hub.ts";
import { describeWith, missing, notRoot } from "./need.ts";
import { type Account, createAccount, Sshd, startAgent } from "./sshd.ts";

const OPENSSH = missing({
  sshd: "openssh-server",
  "ssh-keygen": "openssh-client",
  "ssh-keyscan": "openssh-client",
  "ssh-agent": "openssh-client",
  "ssh-add": "openssh-client",
  ps: "procps",
});

let account: Account;

describeWith(OPENSSH, notRoot())("the driver ssh against OpenSSH", () => {
  beforeAll(async () => {
    account = await createAccount();
  });
  afterAll(() => account[Symbol.asyncDispose]());

  describe("logs in", () => {
    test("with a password", async () => {
      await using server = await Sshd.start({ account });
      expect(await off(server, { password: account.password })).toBe(account.name);
    });

    test("with a password at a prompt of PAM", async () => {
      const config = ["UsePAM yes", "PasswordAuthentication no", "KbdInteractiveAuthentication yes"];
      await using server = await Sshd.start({ account, config });
      expect(await off(server, { password: account.password })).toBe(account.name);
    });

    test("with a key", async () => {
      await using server = await Sshd.start({ account });
      expect(await off(server, { key: server.key })).toBe(account.name);
    });

    test("with an agent", async () => {
      await using server = await Sshd.start({ account });
      const socket = join(server.folder, "agent.sock");
      await using _agent = await startAgent(join(server.folder, "id_ed25519"), socket);
      expect(await off(server, { agent: socket })).toBe(account.name);
    });

    test("with key and password, where both are asked for", async () => {
      const config = ["AuthenticationMethods publickey,password"];
      await using server = await Sshd.start({ account, config });
      expect(await off(server, { key: server.key, password: account.password })).toBe(account.name);
    });

    test.each([
      ["a wrong password", { password: "wrong one" }, [], /tried the password; it offers publickey, password/],
      [
        "a password where only keys are taken",
        { password: "x" },
        ["AuthenticationMethods publickey"],
        /tried none of our ways; it offers publickey/,
      ],
      [
        "wrong passwords until the server has enough",
        { password: "wrong one" },
        ["MaxAuthTries 1"],
        /tried the password/,
      ],
    ])("not with %s", async (_what, login, config, message) => {
      await using server = await Sshd.start({ account, config });
      const failure = await failureOf(off(server, login));
      expect(failure).toMatchObject({ code: "auth", mayHaveActed: false, message: expect.stringMatching(message) });
      expect(await exists(mark(server, "off"))).toBe(false);
    });
  });

  describe("knows the machine", () => {
    test.each([["as ssh-keyscan tells it"], ["hashed", "-H"]])("by its host key, %s", async (_how, ...flags) => {
      await using server = await Sshd.start({ account });
      const known_hosts = await knownHosts(server, await server.scan(...flags));
      expect(await off(server, { key: server.key, host_key: "known", known_hosts })).toBe(account.name);
    });

    test("no more when it has another host key, until that stands in known_hosts", async () => {
      await using server = await Sshd.start({ account });
      const known_hosts = await knownHosts(server, await server.scan());
      const login = { key: server.key, host_key: "known", known_hosts };
      await server.renewHostKey();
      expect(await failureOf(off(server, login))).toMatchObject({
        code: "wrong_device",
        mayHaveActed: false,
        hint: expect.stringContaining(`ssh-keygen -R '[127.0.0.1]:${server.port}' -f ${known_hosts}`),
      });
      await knownHosts(server, await server.scan());
      expect(await off(server, login)).toBe(account.name);
    });

    test("not before it stands in known_hosts", async () => {
      await using server = await Sshd.start({ account });
      const known_hosts = await knownHosts(server, "");
      expect(await failureOf(off(server, { key: server.key, host_key: "known", known_hosts }))).toMatchObject({
        code: "auth",
        message: expect.stringContaining("is not known"),
      });
    });

    test("by the key of the first login, and by no other after it", async () => {
      await using server = await Sshd.start({ account });
      const login = { key: server.key, host_key: "first" };
      expect(await off(server, login)).toBe(account.name);
      expect(await off(server, login)).toBe(account.name);
      await server.renewHostKey();
      expect(await failureOf(off(server, login))).toMatchObject({ code: "wrong_device" });
    });

    test("by any key with `any`, so after every deployment", async () => {
      await using server = await Sshd.start({ account });
      expect(await off(server, { key: server.key })).toBe(account.name);
      await server.renewHostKey();
      expect(await off(server, { key: server.key })).toBe(account.name);
    });
  });

  describe("takes a command", () => {
    test("for obeyed when the server and its sessions die under it", async () => {
      await using server = await Sshd.start({ account });
      const began = mark(server, "began");
      const asked = ask(server, { key: server.key }, { command: { off: `echo x > ${began}; sleep 30` } });
      await until(() => exists(began));
      await server.kill();
      await expect(asked).resolves.toBeUndefined();
    });

    test("for obeyed when the shutdown ends it by a signal", async () => {
      await using server = await Sshd.start({ account });
      const asked = ask(server, { key: server.key }, { command: { off: "kill -TERM $$" } });
      await expect(asked).resolves.toBeUndefined();
    });

    test("for refused when it fails, and tells its words", async () => {
      await using server = await Sshd.start({ account });
      const command = { off: "echo what went wrong >&2; exit 3" };
      expect(await failureOf(ask(server, { key: server.key }, { command }))).toMatchObject({
        code: "refused",
        mayHaveActed: true,
        message: expect.stringMatching(/exited with 3: what went wrong$/),
      });
    });

    test("for ended although it left something running that holds its output", async () => {
      await using server = await Sshd.start({ account });
      const before = performance.now();
      await ask(server, { key: server.key }, { command: { off: "sleep 5 & exit 0" } });
      expect(performance.now() - before).toBeLessThan(4_000);
    });

    test("for refused where only a forced command runs that fails", async () => {
      await using server = await Sshd.start({ account, config: ["ForceCommand /bin/false"] });
      expect(await failureOf(off(server, { key: server.key }))).toMatchObject({ code: "refused" });
    });

    test("for refused where the account gets no session", async () => {
      await using server = await Sshd.start({ account, config: ["MaxSessions 0"] });
      expect(await failureOf(off(server, { key: server.key }))).toMatchObject({ code: "refused", mayHaveActed: false });
    });
  });

  test("a server that is gone is unreachable", async () => {
    await using server = await Sshd.start({ account });
    await server.kill();
    expect(await failureOf(off(server, { key: server.key }))).toMatchObject({
      code: "unreachable",
      mayHaveActed: false,
    });
  });

  describeWith(missing({ sudo: "sudo" }))("with sudo", () => {
    const sudoers = () => `/etc/sudoers.d/mso-test-${process.pid}`;
    const allow = (what: string) => writeFile(sudoers(), `${account.name} ALL=(root) ${what}\n`, { mode: 0o440 });
    afterAll(() => rm(sudoers(), { force: true }));

    test("runs the command as root where no password is asked for", async () => {
      await allow("NOPASSWD: /usr/bin/touch");
      await using server = await Sshd.start({ account });
      await ask(server, { key: server.key }, { sudo: true, command: { off: `touch ${mark(server, "root")}` } });
      expect((await stat(mark(server, "root"))).uid).toBe(0);
    });

    test.each([
      ["the login's password", () => ({ password: account.password }), () => ({})],
      ["a password of its own", () => ({}), () => ({ sudo_password: account.password })],
    ])("runs the command as root with %s", async (_what, login, outlet) => {
      await allow("/usr/bin/touch");
      await using server = await Sshd.start({ account });
      const command = { off: `touch ${mark(server, "root")}` };
      await ask(server, { key: server.key, ...login() }, { sudo: true, command, ...outlet() });
      expect((await stat(mark(server, "root"))).uid).toBe(0);
    });

    test.each([
      ["no password", {}],
      ["a wrong password", { sudo_password: "wrong one" }],
    ])("says with %s which line sudoers needs", async (_what, outlet) => {
      await allow("/usr/bin/touch");
      await using server = await Sshd.start({ account });
      const command = { off: `touch ${mark(server, "root")}` };
      expect(await failureOf(ask(server, { key: server.key }, { sudo: true, command, ...outlet }))).toMatchObject({
        code: "auth",
        mayHaveActed: false,
        hint: expect.stringContaining("NOPASSWD"),
      });
      expect(await exists(mark(server, "root"))).toBe(false);
    });

    test("passes on that a command is not allowed", async () => {
      await allow("NOPASSWD: /usr/bin/touch");
      await using server = await Sshd.start({ account });
      const outlet = { sudo: true, sudo_password: account.password, command: { off: "true" } };
      const failure = await failureOf(ask(server, { key: server.key }, outlet));
      expect(failure).toMatchObject({ code: "refused", message: expect.stringContaining("not allowed to execute") });
    });
  });
});

/** The harmless shutdown: a file that tells that it ran, and as whom. */
async function off(server: Sshd, login: object): Promise<string> {
  await rm(mark(server, "off"), { force: true });
  await ask(server, login, { command: { off: `id -un > ${mark(server, "off")}` } });
  return (await readFile(mark(server, "off"), "utf8")).trim();
}

/** Commands the server's machine as the controller would, by a hub of its own. */
async function ask(server: Sshd, login: object, outlet: object): Promise<void> {
  const spec = {
    key: `ssh:127.0.0.1:${server.port}`,
    name: "lab",
    driver: ssh,
    settings: ssh.hub?.parse({ host: "127.0.0.1", port: server.port, user: account.name, host_key: "any", ...login }),
    pace: { ...DEFAULT_PACE, ...ssh.pace },
  };
  await using hub = loneHub(spec);
  const settings: unknown = ssh.outlet.parse(outlet);
  await new Outlet({ hub: spec, settings, label: "ssh lab" }, hub).command("off", "soft", {
    machine: { name: "lab" },
    last: undefined,
    priority: "order",
  });
}

/** A file of the account's in the server's folder. */
function mark(server: Sshd, name: string): string {
  return join(server.folder, "marks", name);
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

async function knownHosts(server: Sshd, text: string): Promise<string> {
  const file = join(server.folder, "known_hosts");
  await writeFile(file, text);
  return file;
}
