import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Secret } from "../../src/power/secret.ts";
import { SshClient, type SshSettings } from "../../src/wire/ssh.ts";
import { failureOf, until, within } from "../expecting.ts";
import { ecdsaKeyPair, keyPair, type SshFault, SshMachine, type SshUser } from "../simulators/ssh.ts";

const PASSWORD = "correct horse";
const password = new Secret(PASSWORD);
const pair = keyPair();
const key = new Secret(pair.private);

function started(user: SshUser = { password: PASSWORD }): Promise<SshMachine> {
  return SshMachine.start({ users: { maas: user } });
}

type Given = Partial<Omit<SshSettings, "host">>;

/** A client that is closed when the test ends. */
function clientOf(machine: SshMachine, given: Given) {
  const client = new SshClient({
    host: "127.0.0.1",
    port: machine.port,
    user: "maas",
    hostKey: { rule: "any" },
    ...given,
  });
  return Object.assign(client, { [Symbol.dispose]: () => client.close() });
}

async function connected(machine: SshMachine, given: Given): Promise<void> {
  using client = clientOf(machine, given);
  await client.connect(within(5_000));
}

async function knownHosts(text: string) {
  const folder = await mkdtemp(join(tmpdir(), "mso-ssh-"));
  const file = join(folder, "known_hosts");
  await writeFile(file, text);
  return { file, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

describe("a login", () => {
  const locked = keyPair({ passphrase: "opensesame" });
  const ecdsa = ecdsaKeyPair();

  test.each<[string, SshUser, Given, string[]]>([
    ["a password", { password: PASSWORD }, { password }, ["password"]],
    ["a key", { key: pair.public }, { key }, ["publickey", "publickey"]],
    ["an ECDSA key", { key: ecdsa.public }, { key: new Secret(ecdsa.private) }, ["publickey", "publickey"]],
    [
      "an encrypted key",
      { key: locked.public },
      { key: new Secret(locked.private), passphrase: new Secret("opensesame") },
      ["publickey", "publickey"],
    ],
    ["the password at a prompt", { password: PASSWORD, prompts: "only" }, { password }, ["keyboard-interactive"]],
    [
      "the key, where a password would do too",
      { key: pair.public, password: PASSWORD },
      { key, password },
      ["publickey", "publickey"],
    ],
    [
      "the password after a key that is not taken",
      { key: ecdsa.public, password: PASSWORD },
      { key, password },
      ["publickey", "password"],
    ],
    [
      "key and password together",
      { key: pair.public, password: PASSWORD, both: true },
      { key, password },
      ["publickey", "publickey", "password"],
    ],
  ])("succeeds with %s", async (_way, user, given, methods) => {
    await using machine = await started(user);
    await connected(machine, given);
    expect(machine.logins).toEqual(methods);
  });

  test.each<[string, SshUser, Given, RegExp]>([
    [
      "a wrong password",
      { password: PASSWORD },
      { password: new Secret("wrong one") },
      /tried the password; it offers password$/,
    ],
    [
      "a wrong password at a prompt",
      { password: PASSWORD, prompts: "only" },
      { password: new Secret("wrong one") },
      /tried the password at its prompt; it offers keyboard-interactive$/,
    ],
    ["a key that is not taken", { key: ecdsa.public }, { key }, /tried the key; it offers publickey$/],
    [
      "a password where only keys are taken",
      { key: pair.public },
      { password },
      /tried none of our ways; it offers publickey$/,
    ],
    [
      "an agent that is gone",
      { key: pair.public },
      { agent: "/nowhere/agent.sock" },
      /tried the agent's keys \(.*agent.*\)/,
    ],
    ["a password that has expired", { password: PASSWORD, expired: true }, { password }, /has expired$/],
    [
      "a user nobody knows",
      { password: PASSWORD },
      { user: "anna", password },
      /the login of anna: tried the password/,
    ],
  ])("with %s fails with `auth`, and says what was tried", async (_why, user, given, message) => {
    await using machine = await started(user);
    const failure = await failureOf(connected(machine, given));
    expect(failure).toMatchObject({ code: "auth", mayHaveActed: false, message: expect.stringMatching(message) });
    await until(() => machine.connections === 0);
  });

  test("tries a wrong password once, so that no account is locked", async () => {
    await using machine = await started({ password: PASSWORD, prompts: "too" });
    await failureOf(connected(machine, { password: new Secret("wrong one") }));
    expect(machine.logins).toEqual(["password"]);
  });

  test("with a wrong passphrase is the configuration's fault, and never reaches the machine", async () => {
    await using machine = await started({ key: locked.public });
    const failure = await failureOf(
      connected(machine, { key: new Secret(locked.private), passphrase: new Secret("wrong one") }),
    );
    expect(failure).toMatchObject({ code: "config", hint: expect.stringContaining("`passphrase`") });
    expect(machine.logins).toEqual([]);
  });
});

describe("with `host_key: known`", () => {
  const other = keyPair();
  const ecdsa = ecdsaKeyPair();

  const KNOWN: readonly [string, (machine: SshMachine) => string][] = [
    ["under its address and port", (machine) => machine.knownHosts()],
    ["without a port", (machine) => machine.knownHosts("127.0.0.1")],
    ["by a pattern", (machine) => machine.knownHosts("[127.0.*]:*")],
    ["beside an older key of its", (machine) => `[127.0.0.1]:${machine.port} ${other.public}\n${machine.knownHosts()}`],
    [
      "beside the key of another host on its usual port",
      (machine) => `127.0.0.1 ${other.public}\n${machine.knownHosts()}`,
    ],
  ];
  test.each(KNOWN)("a machine is let in whose key stands there %s", async (_how, text) => {
    await using machine = await started();
    await using known = await knownHosts(text(machine));
    await connected(machine, { password, hostKey: { rule: "known", file: known.file } });
    expect(machine.logins).toEqual(["password"]);
  });

  test("asks for the kind of key that is known, where the machine has several", async () => {
    await using machine = await started();
    machine.renewHostKeys([keyPair(), ecdsa]);
    await using known = await knownHosts(`[127.0.0.1]:${machine.port} ${ecdsa.public}\n`);
    await connected(machine, { password, hostKey: { rule: "known", file: known.file } });
    expect(machine.logins).toEqual(["password"]);
  });

  const REFUSED: readonly [string, (machine: SshMachine) => string, string, RegExp, RegExp][] = [
    [
      "is not there",
      () => "",
      "auth",
      /SHA256:\S{43} \(ssh-ed25519\), is not known/,
      /ssh-keyscan -p \d+ 127\.0\.0\.1 >> \S+known_hosts/,
    ],
    [
      "is another than the one there",
      (machine) => `[127.0.0.1]:${machine.port} ${other.public}\n`,
      "wrong_device",
      /shows the host key SHA256:\S+ \(ssh-ed25519\), and is known by SHA256:\S+ \(ssh-ed25519\) at \S+known_hosts:1$/,
      /ssh-keygen -R '\[127\.0\.0\.1\]:\d+' -f \S+known_hosts; ssh-keyscan/,
    ],
    [
      "is of another kind than the one there",
      (machine) => `[127.0.0.1]:${machine.port} ${ecdsa.public}\n`,
      "wrong_device",
      /is known by SHA256:\S+ \(ecdsa-sha2-nistp256\)/,
      /ssh-keygen -R/,
    ],
    [
      "is revoked",
      (machine) => `${machine.knownHosts()}${machine.knownHosts("@revoked *")}`,
      "wrong_device",
      /revoked at \S+known_hosts:2$/,
      /new host key/,
    ],
    [
      "could only be vouched for by an authority",
      (machine) => machine.knownHosts(`@cert-authority [127.0.0.1]:${machine.port}`),
      "auth",
      /only a certificate authority for it at \S+known_hosts:1, and host certificates are not supported$/,
      /ssh-keyscan/,
    ],
  ];
  test.each(REFUSED)("a machine whose key %s gets no password", async (_why, text, code, message, hint) => {
    await using machine = await started();
    await using known = await knownHosts(text(machine));
    const failure = await failureOf(connected(machine, { password, hostKey: { rule: "known", file: known.file } }));
    expect(failure).toMatchObject({
      code,
      mayHaveActed: false,
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
    expect(machine.logins).toEqual([]);
  });

  test("a file that is not there is the configuration's fault", async () => {
    await using machine = await started();
    const hostKey = { rule: "known", file: "/nowhere/known_hosts" } as const;
    expect(await failureOf(connected(machine, { password, hostKey }))).toMatchObject({
      code: "config",
      message: expect.stringContaining("/nowhere/known_hosts"),
    });
  });
});

describe("with `host_key: first`", () => {
  test("the key of the first login is kept, and another one is another device", async () => {
    await using machine = await started();
    const given = { password, hostKey: { rule: "first" } } as const;
    await connected(machine, given);
    await connected(machine, given);
    machine.renewHostKeys();
    expect(await failureOf(connected(machine, given))).toMatchObject({ code: "wrong_device", mayHaveActed: false });
    expect(machine.logins).toEqual(["password", "password"]);
  });

  test("a machine that refused the login leaves no key behind", async () => {
    await using machine = await started();
    const hostKey = { rule: "first" } as const;
    await failureOf(connected(machine, { password: new Secret("wrong one"), hostKey }));
    machine.renewHostKeys();
    await connected(machine, { password, hostKey });
    expect(machine.logins).toEqual(["password", "password"]);
  });
});

test("with `host_key: any` a machine that was deployed anew is let in", async () => {
  await using machine = await started();
  await connected(machine, { password });
  machine.renewHostKeys();
  await connected(machine, { password });
  expect(machine.logins).toEqual(["password", "password"]);
});

describe("a machine that", () => {
  test.each<[string, SshFault, string, RegExp]>([
    ["closes the connection at once", "hangs-up", "unreachable", /closed the connection during the handshake$/],
    ["goes away during the login", "faints", "unreachable", /closed the connection during the login$/],
    ["is no SSH server", "rubbish", "protocol", /is no SSH: HTTP\/1\.1 400 Bad Request$/],
    ["turns new connections away in words", "turns-away", "protocol", /Exceeded MaxStartups$/],
    [
      "takes the connection and says nothing",
      "silent",
      "timeout",
      /took the connection, but the handshake did not end in time$/,
    ],
  ])("%s fails the connection", async (_what, fault, code, message) => {
    await using machine = await started();
    machine.fault = fault;
    using client = clientOf(machine, { password });
    const failure = await failureOf(client.connect(within(500)));
    expect(failure).toMatchObject({ code, mayHaveActed: false, message: expect.stringMatching(message) });
    await until(() => machine.connections === 0);
  });

  test("does not listen is unreachable", async () => {
    await using machine = await started();
    await machine.cut();
    expect(await failureOf(connected(machine, { password }))).toMatchObject({
      code: "unreachable",
      message: expect.stringMatching(/refuses connections on port \d+$/),
    });
  });

  test("speaks another version of the protocol is no SSH for us", async () => {
    await using door = createServer((socket) => socket.resume().end("SSH-1.5-OpenSSH_1.2\r\n"));
    await new Promise<void>((resolve) => door.listen(0, "127.0.0.1", resolve));
    const address = door.address();
    const port = typeof address === "object" && address ? address.port : 0;
    const client = new SshClient({ host: "127.0.0.1", port, user: "maas", password, hostKey: { rule: "any" } });
    expect(await failureOf(client.connect(within(2_000)))).toMatchObject({ code: "protocol" });
  });
});

describe("a command", () => {
  test("ends with its exit status and its words", async () => {
    await using machine = await started();
    using client = clientOf(machine, { password });
    expect(await client.run({ line: "frobnicate --now", signal: within(5_000) })).toEqual({
      how: "exited",
      code: 127,
      stdout: "",
      stderr: "sh: 1: frobnicate: not found\n",
    });
    expect(machine.commands).toEqual(["frobnicate --now"]);
  });

  test("shares its connection with the next one, and gets a new one when it is gone", async () => {
    await using machine = await started();
    using client = clientOf(machine, { password });
    await client.run({ line: "a", signal: within(5_000) });
    await client.run({ line: "b", signal: within(5_000) });
    expect(machine.logins).toEqual(["password"]);
    machine.dropConnections();
    await until(() => machine.connections === 0);
    await client.run({ line: "c", signal: within(5_000) });
    expect(machine.logins).toEqual(["password", "password"]);
    expect(machine.commands).toEqual(["a", "b", "c"]);
  });

  test("gets its input, and its end", async () => {
    await using machine = await started();
    using client = clientOf(machine, { password });
    await client.run({ line: "a", input: "one\ntwo\n", signal: within(5_000) });
    await client.run({ line: "b", signal: within(5_000) });
    expect(machine.inputs).toEqual(["one\ntwo\n", ""]);
  });

  test.each<[string, SshFault, string, boolean]>([
    ["is not taken", "no-exec", "refused", false],
    ["may have left when the connection breaks", "no-session", "unreachable", true],
    ["does not end in time", "hangs", "timeout", true],
  ])("that %s fails, and tells whether it may have acted", async (_what, fault, code, mayHaveActed) => {
    await using machine = await started();
    using client = clientOf(machine, { password });
    await client.connect(within(5_000));
    machine.fault = fault;
    expect(await failureOf(client.run({ line: "a", signal: within(500) }))).toMatchObject({ code, mayHaveActed });
  });

  test("leaves no connection behind when its time is over", async () => {
    await using machine = await started();
    machine.fault = "hangs";
    using client = clientOf(machine, { password });
    await failureOf(client.run({ line: "a", signal: within(500) }));
    await until(() => machine.connections === 0);
    expect(machine.commands).toEqual(["a"]);
  });

  test("is lost when the machine falls silent for some seconds, as after a power failure", async () => {
    await using machine = await started();
    machine.farewell = "dead";
    using client = clientOf(machine, { password });
    const ended = await client.run({ line: "poweroff", signal: within(15_000) });
    expect(ended).toMatchObject({ how: "lost" });
    expect(machine.running).toBe(false);
  });
});
