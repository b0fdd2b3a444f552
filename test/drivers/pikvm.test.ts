import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import pikvm from "../../src/drivers/pikvm.ts";
import { capabilities, cutsOf, isMomentary } from "../../src/power/driver.ts";
import { failureOf } from "../expecting.ts";
import { builders } from "../maas/builds/pikvm.ts";
import { Scene } from "../maas/scene.ts";
import { AtxMachine, KVM_PASSWORD, Pikvm } from "../simulators/pikvm.ts";
import { VirtualClock } from "../virtual-clock.ts";
import { Connected } from "./connected.ts";
import { Bench, board } from "./pikvm-run.ts";

const fingerprint = (name: string) =>
  new X509Certificate(readFileSync(join(import.meta.dirname, `../fixtures/tls/${name}.pem`), "utf8")).fingerprint256;

describe("the buttons of its own board", () => {
  test("switch on, ask to go off, cut, and reset", async () => {
    await using at = await board();
    await at.run.command("on");
    expect(at.machine.running).toBe(true);
    await at.run.command("reset");
    expect(at.machine.boots).toBe(2);
    await at.run.command("off", {}, "soft");
    expect(at.machine.running).toBe(false);
    await at.run.command("on");
    await at.run.command("off", {}, "hard");
    expect(at.machine.running).toBe(false);
    expect(at.kvm.commands).toEqual(["atx power", "atx reset", "atx power", "atx power", "atx power_long"]);
  });

  test("leave a machine running that does not heed a short press, and cut it by a long one", async () => {
    await using at = await board({ initial: "on", hangs: true });
    await at.run.command("off", {}, "soft");
    expect(at.machine.running).toBe(true);
    await at.run.command("off", {}, "hard");
    expect(at.machine.running).toBe(false);
  });

  test("are busy while one is pressed, and a command that met that has not acted", async () => {
    await using at = await board();
    at.machine.busy = true;
    expect(await failureOf(at.run.command("on"))).toMatchObject({ code: "busy", mayHaveActed: false });
    expect(at.kvm.commands).toEqual([]);
  });

  test("are busy where somebody presses between look and press: 409", async () => {
    await using at = await board();
    const idle = { enabled: true, busy: false, leds: { power: false, hdd: false } };
    at.kvm.handler = ({ method }, response) => {
      if (method === "GET") response.end(JSON.stringify({ ok: true, result: idle }));
      else
        response.writeHead(409).end('{"ok":false,"result":{"error":"AtxIsBusyError","error_msg":"try again later"}}');
    };
    const failure = await failureOf(at.run.command("on"));
    expect(failure).toMatchObject({ code: "busy", mayHaveActed: false });
    expect(failure.message).toContain("409: try again later");
  });

  test("cannot be pressed where ATX is disabled, and nothing is read", async () => {
    await using at = await Bench.open({});
    expect(await failureOf(at.run.query())).toMatchObject({ code: "unsupported" });
    expect(await failureOf(at.run.command("on"))).toMatchObject({ code: "unsupported", mayHaveActed: false });
  });

  test("may have been pressed when the connection breaks over it", async () => {
    await using at = await board();
    const idle = { enabled: true, busy: false, leds: { power: false, hdd: false } };
    at.kvm.handler = ({ method }, response) => {
      if (method === "GET") response.end(JSON.stringify({ ok: true, result: idle }));
      else response.destroy();
    };
    expect(await failureOf(at.run.command("on"))).toMatchObject({ code: "unreachable", mayHaveActed: true });
    at.kvm.handler = (_request, response) => response.destroy();
    expect(await failureOf(at.run.command("on"))).toMatchObject({ code: "unreachable", mayHaveActed: false });
  });
});

describe("an order to reset", () => {
  test.each(builders.slice(0, 2).map((builder) => [builder.name, builder] as const))(
    "presses the reset button once, by %s",
    async (_name, builder) => {
      await using at = await Scene.open(builder, { initial: "on" });
      await at.world.run(at.world.order({ machine: "nuc1", verb: "reset" }));
      await at.world.wait(10_000);
      expect(at.build.commands).toEqual([builder.on.replace("power", "reset")]);
      expect(at.world.daemon.power.machine("nuc1").lastOrder).toMatchObject({ state: "done", grade: "accepted" });
    },
  );
});

describe("a power LED that is not wired", () => {
  test("is noticed by the disk LED beside it, and makes the state unknown", async () => {
    await using at = await board({ initial: "on", led: false });
    const { state, reason } = await at.run.query();
    expect(state).toBe("unknown");
    expect(reason).toContain("is the power LED wired?");
  });

  test("is spoken of when it stays dark after the button was pressed", async () => {
    await using at = await board({ stuck: true });
    expect(await at.run.query()).toMatchObject({ state: "off", evidence: "power LED dark" });
    await at.run.command("on");
    const { state, evidence } = await at.run.query();
    expect(state).toBe("off");
    expect(evidence).toContain("is it wired?");
    at.machine.running = true;
    await at.run.query();
    at.machine.running = false;
    expect(await at.run.query()).toMatchObject({ evidence: "power LED dark" });
  });

  test.each(["off", "reset"] as const)("has %s refused, which kvmd would quietly leave undone", async (verb) => {
    await using at = await board();
    const failure = await failureOf(at.run.command(verb, {}, verb === "off" ? "hard" : undefined));
    expect(failure).toMatchObject({
      code: "refused",
      mayHaveActed: false,
      hint: expect.stringContaining("led: false"),
    });
    expect(at.kvm.commands).toEqual([]);
  });

  test("is not looked at where the configuration says so: the button is pressed all the same", async () => {
    await using at = await board({ initial: "on", led: false });
    const outlet = { led: false };
    await at.run.command("reset", outlet);
    await at.run.command("off", outlet, "hard");
    expect(at.machine.running).toBe(false);
    await at.run.command("on", outlet);
    expect(at.machine.running).toBe(true);
    expect(at.kvm.commands).toEqual(["atx reset", "atx power_long", "atx power"]);
    expect(capabilities(pikvm, pikvm.outlet.parse(outlet)).has("query")).toBe(false);
  });

  test("is replaced by a GPIO input that tells the state", async () => {
    const machine = new AtxMachine({ initial: "on", led: false });
    await using at = await Bench.open({ atx: machine, inputs: { lamp: () => machine.running } });
    const outlet = { led: "lamp" };
    expect(await at.run.query(outlet)).toMatchObject({ state: "on", evidence: "GPIO lamp high" });
    await at.run.command("off", outlet, "hard");
    expect(await at.run.query(outlet)).toMatchObject({ state: "off" });
  });
});

test("a power LED that is lit keeps the power button from being pressed", async () => {
  await using at = await board({ initial: "on" });
  expect(await failureOf(at.run.command("on"))).toMatchObject({ code: "refused", mayHaveActed: false });
  expect(at.machine.running).toBe(true);
});

describe("who asks", () => {
  test("is told with the code of the second factor behind the password", async () => {
    const machine = new AtxMachine();
    await using kvm = await Pikvm.start({ atx: machine, code: "005924" });
    const hub = { ...kvm.hub, totp: "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" };
    await using in2009 = await Connected.open(pikvm, hub, new VirtualClock(1_234_567_890_000));
    await in2009.command("on", {});
    expect(machine.running).toBe(true);
    await using later = await Connected.open(pikvm, hub, new VirtualClock(1_234_569_999_000));
    const failure = await failureOf(later.query({}));
    expect(failure).toMatchObject({ code: "auth", hint: expect.stringContaining("clocks") });
    expect(inspect(failure)).not.toContain("GEZDGNBV");
  });

  test("is refused with a wrong password, which no failure repeats", async () => {
    await using at = await Bench.open({ atx: new AtxMachine() }, { password: "another-password" });
    const failure = await failureOf(at.run.command("on"));
    expect(failure).toMatchObject({ code: "auth", mayHaveActed: false, hint: expect.stringContaining("totp") });
    expect(inspect(failure, { depth: 5 })).not.toContain("another-password");
  });

  test("is told to nobody but the KVM that is pinned", async () => {
    const atx = new AtxMachine({ initial: "on" });
    await using right = await Bench.open({ atx }, { insecure: false, pin_sha256: fingerprint("alone") });
    await using wrong = await Bench.open({ atx }, { insecure: false, pin_sha256: fingerprint("device") });
    expect(await right.run.query()).toMatchObject({ state: "on" });
    expect(await failureOf(wrong.run.query())).toMatchObject({ code: "wrong_device" });
    expect(wrong.kvm.requests).toEqual([]);
  });
});

describe("the KVM", () => {
  test("is known by its serial number, where it has one", async () => {
    await using at = await Bench.open({});
    await using old = await Bench.open({ serial: null });
    expect(await at.run.identify()).toEqual({
      id: "10000000ABCDEF01",
      model: "Raspberry Pi 4 Model B",
      firmware: "kvmd 4.20",
    });
    expect(await old.run.identify()).toBeUndefined();
  });

  test("lists what it can switch", async () => {
    const ports = Array.from({ length: 4 }, (_, index) => new AtxMachine({ initial: index === 2 ? "on" : "off" }));
    const outputs = { relay: { switch: true, max_delay: 0 } };
    await using at = await Bench.open({ atx: new AtxMachine(), ports, outputs });
    await using plain = await Bench.open({ atx: new AtxMachine({ initial: "on" }) });
    expect(await at.run.list()).toEqual([
      { outlet: "atx", state: "off" },
      { outlet: "1.1", state: "off" },
      { outlet: "1.2", label: "machine 2", state: "off" },
      { outlet: "1.3", label: "machine 3", state: "on" },
      { outlet: "1.4", label: "machine 4", state: "off" },
      { outlet: "relay", state: "off" },
    ]);
    expect(await plain.run.list()).toEqual([{ outlet: "atx", state: "on" }]);
  });

  test.each(["<html>", "", "{}", '{"ok":true}', '{"ok":true,"result":{"leds":{}}}', '{"ok":false,"result":{}}'])(
    "that answers %j tells no state",
    async (text) => {
      await using at = await board();
      await at.run.query();
      at.kvm.handler = (_request, response) => response.end(text);
      expect(await failureOf(at.run.query())).toMatchObject({ code: "protocol", mayHaveActed: false });
    },
  );
});

describe("settings", () => {
  const found = (outlet: object, hub: object = {}) => {
    const settings: unknown = pikvm.hub?.parse({ host: "192.168.1.90", password: KVM_PASSWORD, ...hub });
    return (pikvm.check?.(pikvm.outlet.parse(outlet), settings) ?? []).map(({ key }) => key);
  };

  test.each([
    [{}, { totp: "12345" }, ["totp"]],
    [{}, { user: "Anna Smith" }, ["user"]],
    [{}, { password: "grün" }, ["password"]],
    [{}, { insecure: true, pin_sha256: "00".repeat(32) }, ["insecure"]],
    [{ reset_channel: "restart" }, {}, ["reset_channel"]],
    [{ outlet: "button", reset_channel: "restart" }, { totp: "GEZD GNBV" }, []],
  ])("%j with %j are wrong in %j", (outlet, hub, keys) => {
    expect(found(outlet, hub)).toEqual(keys);
  });

  test.each([3, "3", "1.5", "6.1", "a b", ""])("take no outlet %j", (outlet) => {
    expect(pikvm.outlet.safeParse({ outlet }).success).toBe(false);
  });

  test.each([
    [{}, "button", true],
    [{ outlet: 1.4 }, "button", true],
    [{ outlet: "button", by: "pulse" }, "button", true],
    [{ outlet: "relay", cuts: "mains" }, "mains", false],
    [{ outlet: "relay" }, "unknown", false],
  ])("%j cut %s", (outlet, cuts, momentary) => {
    const settings: unknown = pikvm.outlet.parse(outlet);
    expect([cutsOf(pikvm, settings), isMomentary(pikvm, settings)]).toEqual([cuts, momentary]);
  });
});
