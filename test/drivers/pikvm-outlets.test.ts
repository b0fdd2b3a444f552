import { describe, expect, test } from "vitest";
import { failureOf, until } from "../expecting.ts";
import { AtxMachine, type GpioOutput } from "../simulators/pikvm.ts";
import { Bench } from "./pikvm-run.ts";

describe("a port of a Switch", () => {
  const machines = () => Array.from({ length: 8 }, () => new AtxMachine());

  test("is the one that its page calls so", async () => {
    const ports = machines();
    await using at = await Bench.open({ ports });
    await at.run.command("on", { outlet: 1.2 });
    await at.run.command("on", { outlet: "2.4" });
    await until(() => ports.filter(({ running }) => running).length === 2);
    expect(ports.map(({ running }) => running)).toEqual([false, true, false, false, false, false, false, true]);
    expect(at.kvm.commands).toEqual(["1.2 power", "2.4 power"]);
  });

  test("is followed until its button is released", async () => {
    const ports = machines();
    await using at = await Bench.open({ ports });
    const outlet = { outlet: "1.1" };
    const followed = await at.run.command("on", outlet);
    if (!followed) throw new Error("there is nothing to follow");
    // It may not have begun.
    expect(await at.run.follow(followed, outlet)).toBe("pending");
    await until(async () => (await at.run.follow(followed, outlet)) === "done");
    expect(ports[0]).toMatchObject({ running: true, busy: false });
  });

  test("is not pressed while it is busy, for the Switch would pass it over without a word", async () => {
    const ports = machines();
    await using at = await Bench.open({ ports });
    const [first] = ports;
    if (first) first.busy = true;
    expect(await failureOf(at.run.command("on", { outlet: "1.1" }))).toMatchObject({
      code: "busy",
      mayHaveActed: false,
    });
    await at.run.command("on", { outlet: "1.2" });
    expect(at.kvm.commands).toEqual(["1.2 power"]);
  });

  test("that is not there is told, and nothing is pressed", async () => {
    await using at = await Bench.open({ ports: machines() });
    const failure = await failureOf(at.run.command("on", { outlet: "3.1" }));
    expect(failure).toMatchObject({ code: "not_found", mayHaveActed: false });
    expect(failure.message).toContain("no port 3.1, only 8 in 2 units");
  });

  test("is read with all others in one request, and fails alone", async () => {
    const ports = machines();
    await using at = await Bench.open({ ports });
    const [first] = ports;
    if (first) first.running = true;
    const read = await at.run.queryAll([{ outlet: "1.1" }, { outlet: "1.2" }, { outlet: "5.4" }]);
    expect(read.map((one) => (one.status === "fulfilled" ? one.value.state : "failed"))).toEqual([
      "on",
      "off",
      "failed",
    ]);
    expect(at.kvm.requests.filter((request) => request === "GET /api/switch")).toHaveLength(1);
  });

  test("fails alone where the firmware knows of no Switch", async () => {
    await using at = await Bench.open({ atx: new AtxMachine({ initial: "on" }) });
    const read = await at.run.queryAll([{ outlet: "atx" }, { outlet: "1.2" }]);
    expect(read).toMatchObject([
      { status: "fulfilled", value: { state: "on" } },
      { status: "rejected", reason: { code: "not_found" } },
    ]);
  });
});

describe("a GPIO channel", () => {
  /** A relay, and a button with its lamp. */
  async function gpio(output: Partial<GpioOutput> = {}) {
    const machine = new AtxMachine();
    const does = (_state: boolean, seconds: number) => void machine.press("power", seconds);
    const outputs = {
      relay: { switch: true, max_delay: 0 },
      button: { switch: false, max_delay: 10, does, ...output },
      restart: { switch: false, max_delay: 1, does: () => void machine.press("reset", 0.2) },
    };
    const at = await Bench.open({ outputs, inputs: { lamp: () => machine.running } });
    return { machine, kvm: at.kvm, run: at.run, [Symbol.asyncDispose]: () => at[Symbol.asyncDispose]() };
  }
  const BUTTON = { outlet: "button", by: "pulse", led: "lamp", reset_channel: "restart" };

  test("that is a relay is switched and read", async () => {
    await using at = await gpio();
    const outlet = { outlet: "relay", cuts: "mains" };
    await at.run.command("on", outlet);
    expect(at.kvm.relay("relay")).toBe(true);
    expect(await at.run.query(outlet)).toMatchObject({ state: "on", evidence: "GPIO relay high" });
    await at.run.command("off", outlet, "hard");
    expect(at.kvm.relay("relay")).toBe(false);
    expect(at.kvm.commands).toEqual(["relay 1", "relay 0"]);
  });

  test("that is a button is pulsed for as long as the verb wants", async () => {
    await using at = await gpio();
    await at.run.command("on", BUTTON);
    await until(() => at.machine.running);
    expect(await at.run.query(BUTTON)).toMatchObject({ state: "on" });
    await at.run.command("off", { ...BUTTON, press: "500ms" }, "soft");
    await until(() => !at.machine.running);
    await at.run.command("on", BUTTON);
    await until(() => at.machine.running);
    await at.run.command("reset", BUTTON);
    await until(() => at.machine.boots === 3);
    await at.run.command("off", BUTTON, "hard");
    await until(() => !at.machine.running);
    expect(at.kvm.commands).toEqual(["button 0.2", "button 0.5", "button 0.2", "restart 0.2", "button 5.5"]);
  });

  test("whose pulse kvmd would shorten is not pulsed at all", async () => {
    await using at = await gpio({ max_delay: 0.5 });
    const failure = await failureOf(at.run.command("off", BUTTON, "hard"));
    expect(failure).toMatchObject({
      code: "unsupported",
      mayHaveActed: false,
      hint: expect.stringContaining("max_delay"),
    });
    expect(at.kvm.commands).toEqual([]);
  });

  test("that can only be pulsed is not switched", async () => {
    await using at = await gpio();
    const failure = await failureOf(at.run.command("on", { outlet: "button" }));
    expect(failure).toMatchObject({ code: "unsupported", mayHaveActed: false });
  });

  test("that is not there is told with those that are", async () => {
    await using at = await gpio();
    const command = await failureOf(at.run.command("on", { outlet: "relais" }));
    const query = await failureOf(at.run.query({ outlet: "relais" }));
    expect(command).toMatchObject({ code: "not_found", mayHaveActed: false });
    expect(command.message).toContain("there is relay, button, restart");
    expect(query.message).toContain("there is lamp, relay, button, restart");
  });

  test("whose driver is offline, or that is being switched, is unknown, never off", async () => {
    await using at = await gpio();
    await at.run.command("on", { outlet: "relay" });
    at.kvm.offline = ["relay"];
    expect(await at.run.query({ outlet: "relay" })).toMatchObject({
      state: "unknown",
      reason: expect.stringContaining("does not answer"),
    });
    at.kvm.offline = [];
    at.kvm.switching = ["relay"];
    expect(await at.run.query({ outlet: "relay" })).toMatchObject({
      state: "unknown",
      reason: expect.stringContaining("being switched"),
    });
  });
});
