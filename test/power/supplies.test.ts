import { describe, expect, test } from "vitest";
import { ANNA, Lab, RACK2 } from "./lab.ts";

/** A server with two power supplies on two strips, and a way to read itself. */
function server(lab: Lab, more: { readonly afterAc?: "starts" | "stays_off" } = {}) {
  const supplies = ["left", "right"].map((hub) => ({
    outlet: lab.outlet(hub, { kind: "plug", outlet: "1", boot: "0s" }),
  }));
  lab.add("server", { supplies, minOff: 5_000, ...more });
  return {
    left: () => lab.deviceAt("left", "1"),
    right: () => lab.deviceAt("right", "1"),
  };
}

describe("a machine with two supplies", () => {
  test("is on with one proven closed, and the other is named as degraded", async () => {
    await using lab = new Lab();
    const { left, right } = server(lab);
    right().fault = "unreachable";
    const on = await lab.order("server", "on");
    expect(left().fed).toBe(true);
    expect(on.degraded).toEqual([expect.stringContaining("right outlet 1")]);
  });

  test("is degraded too when one obeys and stays open", async () => {
    await using lab = new Lab();
    const { right } = server(lab);
    right().fault = "stuck";
    expect((await lab.order("server", "on")).degraded).toEqual(["right outlet 1 (still open)"]);
  });

  test("is degraded when it is on already with one of them, and nothing is commanded", async () => {
    await using lab = new Lab();
    const { left, right } = server(lab);
    left().byHand("on");
    const on = await lab.order("server", "on");
    expect([on.state, on.degraded]).toEqual(["done", ["right outlet 1 (still open)"]]);
    expect([...left().commands, ...right().commands]).toEqual([]);
  });

  test("is on in full when both are closed", async () => {
    await using lab = new Lab();
    const { left, right } = server(lab);
    const on = await lab.order("server", "on");
    expect([left().fed, right().fed]).toEqual([true, true]);
    expect(on).not.toHaveProperty("degraded");
  });

  test("is off only when both are proven open", async () => {
    await using lab = new Lab();
    const { left, right } = server(lab);
    await lab.order("server", "on");
    right().fault = "stuck";
    const failure = await lab.failure("server", "off");
    expect(failure.code).toBe("unproven");
    right().fault = undefined;
    await lab.order("server", "off", { actor: ANNA });
    expect([left().fed, right().fed]).toEqual([false, false]);
  });

  test("is not proven off while an on may still close one of them, though the other showed it", async () => {
    await using lab = new Lab();
    const { right } = server(lab);
    right().fault = "stuck";
    await lab.order("server", "on");
    const acceptedOn = lab.clock.now();
    await lab.wait(2_000);
    const off = lab.power.order({ machine: "server", verb: "off", actor: ANNA });
    await lab.wait(30_000);
    expect([off.order.state, right().commands.length]).toEqual(["running", 2]);
    expect(await lab.run(off.done)).toMatchObject({ state: "done", grade: "measured" });
    expect((off.order.proof?.startedAt ?? 0) - acceptedOn).toBeGreaterThanOrEqual(120_000);
  });

  test("reads neither on nor off when one is open and the other cannot be read", async () => {
    await using lab = new Lab();
    const { right } = server(lab);
    right().fault = "unreachable";
    await expect(lab.run(lab.power.query("server"))).rejects.toMatchObject({ code: "unreachable" });
  });

  test("is not switched off while one of them does not answer", async () => {
    await using lab = new Lab();
    const { right } = server(lab);
    await lab.order("server", "on");
    right().fault = "unreachable";
    expect(await lab.failure("server", "off")).toMatchObject({ code: "unreachable" });
  });

  test("tells each outlet in its reading", async () => {
    await using lab = new Lab();
    const { left } = server(lab);
    left().command("on");
    expect(await lab.run(lab.power.query("server"))).toMatchObject({
      outlets: [
        { label: "left outlet 1", state: "closed" },
        { label: "right outlet 1", state: "open" },
      ],
    });
  });

  test("whose query measures that it runs is on, though one outlet cannot be read", async () => {
    await using lab = new Lab();
    const supplies = ["left", "right"].map((hub) => ({ outlet: lab.outlet(hub, { kind: "plug", outlet: "1" }) }));
    const bmc = lab.outlet("bmc", { initial: "on" });
    lab.add("server", { supplies, query: { kind: "one", outlet: bmc } });
    lab.deviceAt("left", "1").command("off");
    lab.deviceAt("right", "1").fault = "unreachable";
    expect(await lab.run(lab.power.query("server"))).toMatchObject({ state: "on", confidence: "measured" });
    lab.device("bmc").command("off");
    await lab.wait(2_000);
    await expect(lab.run(lab.power.query("server"))).rejects.toMatchObject({ code: "unreachable" });
  });
});

describe("a state from several sources", () => {
  function pair(lab: Lab, kind: "first" | "all" | "any", initial: readonly ["on" | "off", "on" | "off"]) {
    const of = (["a", "b"] as const).map((hub, index) => ({
      kind: "one" as const,
      outlet: lab.outlet(hub, { initial: initial[index] }),
    }));
    lab.add("nuc1", { query: { kind, of } });
    return () => lab.run(lab.power.query("nuc1"));
  }

  test("is the first definite answer, and failures are skipped but told", async () => {
    await using lab = new Lab();
    const query = pair(lab, "first", ["off", "on"]);
    lab.hub("a").reachable = false;
    expect(await query()).toMatchObject({
      state: "on",
      evidence: [expect.stringContaining("does not answer"), "running"],
    });
  });

  test("all: one off decides, even when another fails", async () => {
    await using lab = new Lab();
    const query = pair(lab, "all", ["on", "off"]);
    lab.hub("a").reachable = false;
    expect((await query()).state).toBe("off");
  });

  test("all: on needs every one of them", async () => {
    await using lab = new Lab();
    const query = pair(lab, "all", ["on", "on"]);
    lab.hub("a").reachable = false;
    await expect(query()).rejects.toMatchObject({ code: "unreachable" });
  });

  test("any: one on decides, and off needs every one of them", async () => {
    await using lab = new Lab();
    const query = pair(lab, "any", ["off", "on"]);
    expect((await query()).state).toBe("on");
    lab.device("b").command("off");
    await lab.wait(2_000);
    expect((await query()).state).toBe("off");
    lab.hub("a").reachable = false;
    await lab.wait(2_000);
    await expect(query()).rejects.toMatchObject({ code: "unreachable" });
  });
});

describe("a meter", () => {
  test("flips the state only when the watts stay on the other side", async () => {
    await using lab = new Lab();
    lab.addPlug(
      "nuc1",
      { boot: "4s", load: 25, idle: 0.9, initial: "halted" },
      { above: 6, aboveFor: 10_000, minOff: 0 },
    );
    expect((await lab.run(lab.power.query("nuc1"))).state).toBe("off");
    lab.device("nuc1").command("off");
    await lab.wait(2_000);
    await lab.run(lab.power.query("nuc1"));
    lab.device("nuc1").command("on");
    await lab.wait(2_000);
    expect(await lab.run(lab.power.query("nuc1"))).toMatchObject({ state: "off" });
    await lab.wait(4_000);
    expect(await lab.run(lab.power.query("nuc1"))).toMatchObject({
      state: "off",
      evidence: ["nuc1 closed", "25 W for 0 s of 10 s"],
    });
    await lab.wait(10_000);
    expect(await lab.run(lab.power.query("nuc1"))).toMatchObject({ state: "on", evidence: ["nuc1 closed", "25 W"] });
  });

  test("tells a halted machine with all there is to see", async () => {
    await using lab = new Lab();
    lab.addPlug("nuc1", { initial: "halted" }, { above: 6 });
    expect((await lab.run(lab.power.query("nuc1"))).evidence).toEqual(["nuc1 closed", "0.9 W, below 6 W: halted"]);
  });
});

describe("after_ac, bounce and cut", () => {
  /** A desktop on a plug, woken by its control: what it does when fed, and how it is switched off. */
  function desktop(lab: Lab, more: Record<string, unknown> = {}) {
    const supply = lab.outlet("plug", { kind: "plug", restores: false, outlet: "1" });
    const control = lab.outlet("host", { outlet: "1", boot: "2s", shutdown: "2s", initial: "off" });
    const stage = { outlet: control, wait: 30_000 };
    lab.add("desktop", {
      supplies: [{ outlet: supply }],
      query: { kind: "one", outlet: control },
      minOff: 5_000,
      afterAc: "stays_off",
      stages: { on: [stage], off: [{ ...stage, how: "soft" }], cycle: [], reset: [] },
      ...more,
    });
    return { plug: lab.deviceAt("plug", "1"), host: lab.deviceAt("host", "1") };
  }

  test("a machine that stays off when fed is fed and then woken", async () => {
    await using lab = new Lab();
    const { plug, host } = desktop(lab);
    await lab.order("desktop", "on");
    expect([plug.fed, host.running]).toEqual([true, true]);
    expect(host.commands.map(({ command }) => command)).toEqual(["on"]);
  });

  test("a machine that does not wake is bounced once and woken again", async () => {
    await using lab = new Lab();
    const { plug, host } = desktop(lab);
    plug.command("on");
    host.fault = "stuck";
    expect((await lab.failure("desktop", "on")).code).toBe("unproven");
    expect(plug.commands.map(({ command }) => command)).toEqual(["on", "off", "on"]);
    expect(host.commands.map(({ command }) => command)).toEqual(["on", "on"]);
  });

  test("cut: never leaves the supply closed though the off stage failed", async () => {
    await using lab = new Lab();
    const { plug, host } = desktop(lab, { cut: "never" });
    await lab.order("desktop", "on");
    host.fault = "hung";
    expect((await lab.failure("desktop", "off", { actor: RACK2 })).code).toBe("unproven");
    expect(plug.fed).toBe(true);
  });

  test("cut: always opens the supply after a clean stop, and when it was off already", async () => {
    await using lab = new Lab();
    const { plug, host } = desktop(lab, { cut: "always" });
    await lab.order("desktop", "on");
    await lab.order("desktop", "off", { actor: ANNA });
    expect([plug.fed, host.running]).toEqual([false, false]);
    expect(host.commands.map(({ command }) => command)).toEqual(["on", "soft-off"]);
    plug.command("on");
    await lab.wait(2_000);
    await lab.order("desktop", "off", { actor: ANNA });
    expect(plug.fed).toBe(false);
  });

  test("cut: last_resort opens it when asking did not help, and an on rests before it closes it again", async () => {
    await using lab = new Lab();
    const { plug, host } = desktop(lab);
    await lab.order("desktop", "on");
    host.fault = "hung";
    await lab.order("desktop", "off", { actor: ANNA });
    expect(plug.fed).toBe(false);
    const opened = plug.commands.at(-1)?.at ?? 0;
    host.fault = undefined;
    host.command("off");
    await lab.order("desktop", "on", { actor: ANNA });
    const closed = plug.commands.at(-1)?.at ?? 0;
    expect(closed - opened).toBeGreaterThanOrEqual(5_000);
  });

  test("a soft off by a person never opens the supply", async () => {
    await using lab = new Lab();
    const { plug, host } = desktop(lab);
    await lab.order("desktop", "on");
    host.fault = "hung";
    await lab.failure("desktop", "off", { actor: ANNA, how: "soft" });
    expect(plug.fed).toBe(true);
  });

  test("a hard off by a person skips the soft stage and opens it at once", async () => {
    await using lab = new Lab();
    const { plug, host } = desktop(lab);
    await lab.order("desktop", "on");
    await lab.order("desktop", "off", { actor: ANNA, how: "hard" });
    expect(plug.fed).toBe(false);
    expect(host.commands.map(({ command }) => command)).toEqual(["on"]);
  });
});
