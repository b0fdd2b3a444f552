import { describe, expect, test } from "vitest";
import ipmi from "../../src/drivers/ipmi.ts";
import type { Pace } from "../../src/power/driver.ts";
import { failureOf } from "../expecting.ts";
import { Bmc, IPMI_PASSWORD, type IpmiFault, type IpmiOptions } from "../simulators/ipmi.ts";
import { HubRun } from "./hub-run.ts";

/** With no rest between exchanges, but where a test says so. */
function run(bmc: Bmc, settings: object = {}, pace: Partial<Pace> = {}): HubRun {
  return new HubRun(ipmi, { ...bmc.hub, ...settings }, { interval: 0, ...pace });
}

describe("ipmitool", () => {
  test("is told the password by its environment, never on its command line", async () => {
    using bmc = Bmc.start({ kg: "secret-of-the-bmc" });
    await using hub = run(bmc, { kg: "secret-of-the-bmc" });
    expect(await hub.query()).toMatchObject({ state: "off" });
    const [call] = bmc.calls;
    expect(call?.env).toMatchObject({ IPMITOOL_PASSWORD: IPMI_PASSWORD, IPMI_KGKEY: "secret-of-the-bmc", LC_ALL: "C" });
    expect(call?.args.join(" ")).not.toMatch(/correct-horse|secret-of/);
  });

  test("sends no message twice, since a command could act twice", async () => {
    using bmc = Bmc.start();
    await using hub = run(bmc);
    await hub.command("on");
    expect(bmc.calls.at(-1)?.args.join(" ")).toContain("-R 1 ");
  });

  test("asks for no more than the privilege it needs", async () => {
    using bmc = Bmc.start({ privilege: "OPERATOR" });
    await using hub = run(bmc);
    await hub.command("on");
    expect(bmc.power).toBe("on");
  });

  test("is told the peculiarities of a maker", async () => {
    using bmc = Bmc.start();
    await using hub = run(bmc, { oem: "intelplus" });
    await hub.query();
    expect(bmc.calls[0]?.args.join(" ")).toContain("-o intelplus chassis power status");
  });

  test("is said how to be installed where it is missing", async () => {
    using bmc = Bmc.start();
    const path = process.env["PATH"];
    process.env["PATH"] = "/nonexistent";
    try {
      await using hub = run(bmc);
      expect(await failureOf(hub.command("on"))).toMatchObject({
        code: "config",
        mayHaveActed: false,
        message: "there is no program ipmitool",
        hint: expect.stringContaining("apt-get install ipmitool"),
      });
    } finally {
      process.env["PATH"] = path;
    }
  });
});

describe("cipher suites", () => {
  const asked = (bmc: Bmc) => bmc.calls.map(({ args }) => Number(args[args.indexOf("-C") + 1]));

  test("begin with 17, and are never left to ipmitool", async () => {
    using bmc = Bmc.start();
    await using hub = run(bmc);
    await hub.query();
    expect(asked(bmc)).toEqual([17]);
  });

  test.each([
    ["refuses any other", false],
    ["answers with it to any other", true],
  ])("go down to 3 where a controller %s, which is remembered", async (_how, otherCipher) => {
    using bmc = Bmc.start({ ciphers: [3], otherCipher });
    await using hub = run(bmc);
    await hub.command("on");
    await hub.query();
    expect(bmc.power).toBe("on");
    expect(asked(bmc)).toEqual([17, 3, 3]);
  });

  test("are none but the one that is set", async () => {
    using bmc = Bmc.start({ ciphers: [3] });
    await using hub = run(bmc, { cipher: 17 });
    expect(await failureOf(hub.command("on"))).toMatchObject({
      code: "protocol",
      mayHaveActed: false,
      message: expect.stringContaining("no matching cipher suite"),
      hint: expect.stringContaining("`cipher`"),
    });
    expect(asked(bmc)).toEqual([17]);
  });
});

describe("a soft off", () => {
  test("asks the operating system", async () => {
    using bmc = Bmc.start({ power: "on" });
    await using hub = run(bmc);
    await hub.command("off", {}, "soft");
    expect(bmc.commands).toEqual(["soft"]);
    expect(bmc.power).toBe("off");
  });

  test("leaves a machine on where nobody listens, until it is cut", async () => {
    using bmc = Bmc.start({ power: "on", shutdown: undefined });
    await using hub = run(bmc);
    await hub.command("off", {}, "soft");
    expect(await hub.query()).toMatchObject({ state: "on" });
    await hub.command("off", {}, "hard");
    expect(await hub.query()).toMatchObject({ state: "off" });
  });
});

test("a reset leaves the machine fed", async () => {
  using bmc = Bmc.start({ power: "on" });
  await using hub = run(bmc);
  await hub.command("reset");
  expect(bmc).toMatchObject({ power: "on", resets: 1, commands: ["reset"] });
});

describe("starting from the network", () => {
  test.each([
    ["pxe", "pxe"],
    ["pxe-efi", "pxe options=efiboot"],
  ])("is set once before the on, by %s", async (boot, device) => {
    using bmc = Bmc.start();
    await using hub = run(bmc);
    await hub.command("on", { boot });
    expect(bmc.commands).toEqual([device, "on"]);
  });

  test("is not set where nobody asked for it, nor at an off", async () => {
    using bmc = Bmc.start({ power: "on" });
    await using hub = run(bmc);
    await hub.command("off", { boot: "pxe" }, "hard");
    await hub.command("on");
    expect(bmc.commands).toEqual(["off", "on"]);
  });

  test("leaves the machine off where the controller refuses it", async () => {
    using bmc = Bmc.start();
    bmc.completions.push("Invalid data field in request");
    await using hub = run(bmc);
    expect(await failureOf(hub.command("on", { boot: "pxe" }))).toMatchObject({
      code: "refused",
      mayHaveActed: false,
      message: expect.stringMatching(/^start from the network: .*Invalid data field in request$/),
    });
    expect(bmc).toMatchObject({ power: "off", commands: [] });
  });
});

describe("what is so already", () => {
  test.each([
    ["on", "on", undefined],
    ["off", "off", "hard"],
    ["off", "off", "soft"],
  ] as const)("counts as done, though the controller refuses %s", async (verb, power, how) => {
    using bmc = Bmc.start({ power, refusesRepeats: true });
    await using hub = run(bmc);
    await hub.command(verb, {}, how);
    expect(bmc).toMatchObject({ power, commands: [] });
  });

  test("is never a reset", async () => {
    using bmc = Bmc.start({ refusesRepeats: true });
    await using hub = run(bmc);
    expect(await failureOf(hub.command("reset"))).toMatchObject({
      code: "refused",
      message: expect.stringContaining("Command not supported in present state"),
    });
  });

  test("is not believed: a refused off of a machine that is on has failed", async () => {
    using bmc = Bmc.start({ power: "on" });
    bmc.completions.push("Command not supported in present state");
    await using hub = run(bmc);
    expect(await failureOf(hub.command("off", {}, "hard"))).toMatchObject({ code: "refused", mayHaveActed: true });
    expect(bmc.power).toBe("on");
  });
});

describe("the failure", () => {
  test.each<[string, IpmiOptions, object, string, RegExp]>([
    ["a wrong password", {}, { password: "wrong-horse" }, "RAKP 2 HMAC is invalid", /`password`/],
    ["an unknown user", {}, { user: "nobody" }, "unauthorized name", /`user`/],
    ["a missing key of the controller", { kg: "k" }, {}, "RAKP 4 message has invalid", /`kg`/],
    ["too low a privilege", { privilege: "USER" }, {}, "unauthorized role", /operator/],
    [
      "a privilege that may not switch",
      { privilege: "USER" },
      { privilege: "user" },
      "Insufficient privilege",
      /operator/,
    ],
  ])("of %s tells it from silence, and says what to check", async (_what, options, settings, words, hint) => {
    using bmc = Bmc.start(options);
    await using hub = run(bmc, settings);
    const failure = await failureOf(hub.command("on"));
    expect(failure).toMatchObject({ code: "auth", mayHaveActed: false, hint: expect.stringMatching(hint) });
    expect(failure.message).toContain(words);
    expect(bmc.commands).toEqual([]);
  });

  test.each<[string, IpmiFault, string, boolean]>([
    ["a controller that is gone", "gone", "unreachable", false],
    ["a controller that goes silent in the login", "mute", "timeout", false],
    ["a controller whose sessions are all taken", "full", "busy", false],
    ["a lost answer", "lost", "timeout", true],
    ["an ipmitool that crashes", "crash", "protocol", true],
    ["an ipmitool that prints something else", "rubbish", "protocol", true],
    ["an ipmitool that hangs", "silent", "timeout", true],
  ])("of %s tells whether the order may have acted", async (_what, fault, code, mayHaveActed) => {
    using bmc = Bmc.start();
    bmc.fault = fault;
    await using hub = run(bmc, {}, { timeout: 3_000 });
    const failure = await failureOf(hub.command("on"));
    expect(failure).toMatchObject({ code, mayHaveActed });
    expect(`${failure.message} ${failure.hint}`).not.toContain(IPMI_PASSWORD);
    // What cannot have acted has not; what was lost on the way back has.
    expect(bmc.power).toBe(fault === "lost" ? "on" : "off");
  });

  test.each([
    ["Node busy", "busy", false],
    ["BMC initialization in progress", "busy", false],
    ["Timeout", "timeout", true],
    ["Unspecified error", "busy", true],
    ["Cannot execute command, command disabled", "refused", true],
  ])("by the completion code %s is %s", async (completion, code, mayHaveActed) => {
    using bmc = Bmc.start();
    bmc.completions.push(completion);
    await using hub = run(bmc);
    expect(await failureOf(hub.command("on"))).toMatchObject({
      code,
      mayHaveActed,
      message: `the controller at 127.0.0.1: Set Chassis Power Control to Up/On failed: ${completion}`,
    });
    expect(bmc.power).toBe("off");
  });

  test("of a read is never a state", async () => {
    using bmc = Bmc.start({ power: "on" });
    await using hub = run(bmc);
    bmc.completions.push("Unspecified error");
    expect(await failureOf(hub.query())).toMatchObject({ code: "busy" });
    expect(await hub.query()).toMatchObject({ state: "on" });
  });
});

test("a controller has its rest between two exchanges", async () => {
  using bmc = Bmc.start();
  expect(ipmi.pace?.interval).toBe(5_000);
  await using hub = run(bmc, {}, { interval: 400 });
  await hub.query();
  const before = performance.now();
  await hub.query();
  await hub.query();
  expect(performance.now() - before).toBeGreaterThanOrEqual(700);
});

describe("in a configuration", () => {
  const findings = (settings: object) =>
    (ipmi.check?.({}, ipmi.hub?.parse({ host: "bmc1", user: "maas", password: "p", ...settings })) ?? []).map(
      ({ key, problem }) => `${key}: ${problem}`,
    );

  test.each([
    ["a password", { password: "x".repeat(21) }, "password: is longer than the 20 bytes that IPMI 2.0 has for it"],
    ["a user", { user: "ä".repeat(9) }, "user: is longer than the 16 bytes that IPMI 2.0 has for it"],
    ["a key", { kg: "x".repeat(21) }, "kg: is longer than the 20 bytes that IPMI 2.0 has for it"],
  ])("%s that does not fit is found", (_what, settings, finding) => {
    expect(findings(settings)).toEqual([finding]);
  });

  test("a privilege that cannot switch is found", () => {
    expect(findings({ privilege: "user" })).toEqual([expect.stringContaining("refuses to switch")]);
  });

  test("what fits is right", () => {
    expect(findings({ user: "ä".repeat(8), password: "x".repeat(20), cipher: 17 })).toEqual([]);
  });
});
