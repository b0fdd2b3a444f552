import { describe, expect, test } from "vitest";
import simulated from "../../src/drivers/simulated.ts";
import { DEFAULT_PACE } from "../../src/power/driver.ts";
import { PowerError } from "../../src/power/errors.ts";
import { loneHub } from "../lone-hub.ts";
import { ANNA, Lab, MAAS } from "./lab.ts";

/** `count` machines on the outlets of one hub. */
function strip(lab: Lab, hub: string, count: number, settings: Record<string, unknown> = {}): string[] {
  return Array.from({ length: count }, (_, index) => {
    const name = `${hub}-${index + 1}`;
    const outlet = lab.outlet(hub, { outlet: String(index + 1), boot: "2s", ...settings });
    const stage = { outlet, wait: 60_000 };
    lab.add(name, { query: { kind: "one", outlet }, stages: { on: [stage], off: [stage], cycle: [], reset: [] } });
    return name;
  });
}

function told(lab: Lab, kind: string): number {
  return lab.signals.filter((signal) => signal.kind === kind).length;
}

describe("machines on one hub", () => {
  test("are read in one exchange when they are asked for together", async () => {
    await using lab = new Lab();
    const names = strip(lab, "pdu", 24);
    await lab.run(lab.power.query("pdu-1"));
    const before = lab.hub("pdu").exchanges.read;
    await lab.wait(5_000);
    const readings = await lab.run(Promise.all(names.map((name) => lab.power.query(name))));
    expect(readings.every((reading) => reading.state === "off")).toBe(true);
    expect(lab.hub("pdu").exchanges.read - before).toBe(1);
  });

  test("fail one by one: the others of the same exchange are read", async () => {
    await using lab = new Lab();
    const names = strip(lab, "pdu", 3);
    lab.deviceAt("pdu", "2").fault = "unreachable";
    const results = await lab.run(Promise.allSettled(names.map((name) => lab.power.query(name))));
    expect(results.map((result) => result.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });

  test("prove their orders in shared exchanges that began after each command", async () => {
    await using lab = new Lab();
    const names = strip(lab, "pdu", 12);
    const tickets = names.map((machine) => lab.power.order({ machine, verb: "on", actor: MAAS }));
    const orders = await lab.run(Promise.all(tickets.map((ticket) => ticket.done)));
    for (const order of orders) {
      const command = order.steps.find((step) => step.what === "command");
      expect(order.proof?.startedAt).toBeGreaterThanOrEqual((command?.at ?? Infinity) + (command?.durationMs ?? 0));
    }
    expect(lab.hub("pdu").exchanges.read).toBeLessThan(12);
  });
});

describe("a hub that does not answer", () => {
  test("raises one alarm for all its machines, and refuses their queries at once", async () => {
    await using lab = new Lab();
    const names = strip(lab, "pdu", 10);
    lab.hub("pdu").reachable = false;
    await lab.run(Promise.allSettled(names.map((name) => lab.power.query(name))));
    const before = performance.now();
    const results = await Promise.allSettled(names.map((name) => lab.power.query(name)));
    expect(results.every((result) => result.status === "rejected")).toBe(true);
    expect(performance.now() - before).toBeLessThan(100);
    expect([told(lab, "hub:failing"), told(lab, "machine:unreadable")]).toEqual([1, 0]);
  });

  test("is told alone for a machine that is on another hub too", async () => {
    await using lab = new Lab();
    const of = ["pdu", "other"].map((hub) => ({ kind: "one" as const, outlet: lab.outlet(hub, { initial: "on" }) }));
    lab.add("server", { query: { kind: "all", of } });
    lab.hub("pdu").reachable = false;
    await expect(lab.run(lab.power.query("server"))).rejects.toMatchObject({ code: "unreachable" });
    expect([told(lab, "hub:failing"), told(lab, "machine:unreadable")]).toEqual([1, 0]);
  });

  test("is none where it answers that something behind it is gone", async () => {
    await using hub = loneHub({
      key: "broker",
      name: "broker",
      driver: simulated,
      settings: { latency: 0 },
      pace: DEFAULT_PACE,
    });
    const ask = (error: PowerError | undefined) =>
      hub.exchange({
        priority: "query",
        kind: "read",
        run: async () => {
          if (error) throw error;
        },
      });
    await expect(ask(new PowerError("unreachable", "plug 3 is gone", { hubAnswered: true }))).rejects.toThrow("plug 3");
    expect(hub.failing).toBeUndefined();
    await expect(ask(undefined)).resolves.toBeDefined();
    await expect(ask(new PowerError("unreachable", "the broker is gone"))).rejects.toThrow("broker");
    expect(hub.failing).toBeDefined();
    await expect(ask(undefined)).rejects.toThrow("the broker is gone");
  });

  test("is tried again by itself, and its machines are read at once when it returns", async () => {
    await using lab = new Lab();
    const names = strip(lab, "pdu", 3, { initial: "on" });
    lab.hub("pdu").reachable = false;
    await lab.run(Promise.allSettled(names.map((name) => lab.power.query(name))));
    await lab.wait(40_000);
    lab.hub("pdu").reachable = true;
    await lab.wait(31_000);
    expect(told(lab, "hub:answering")).toBe(1);
    expect(names.map((name) => lab.power.machine(name).reading?.state)).toEqual(["on", "on", "on"]);
    expect(told(lab, "machine:readable")).toBe(0);
  });

  test("gets one real attempt from every order", async () => {
    await using lab = new Lab();
    const [name = ""] = strip(lab, "pdu", 1);
    lab.hub("pdu").reachable = false;
    await lab.run(Promise.allSettled([lab.power.query(name)]));
    lab.hub("pdu").reachable = true;
    expect((await lab.order(name, "on")).state).toBe("done");
  });

  test("holds up nobody on another hub", async () => {
    await using lab = new Lab();
    const [dead = ""] = strip(lab, "dead", 1);
    const [alive = ""] = strip(lab, "alive", 1);
    lab.hub("dead").reachable = false;
    const failing = lab.power.order({ machine: dead, verb: "on", actor: MAAS });
    const order = await lab.order(alive, "on");
    expect((order.endedAt ?? Infinity) - order.acceptedAt).toBeLessThan(5_000);
    await lab.run(Promise.allSettled([failing.done]));
  });
});

describe("a device that tells its states", () => {
  test("is believed without being asked, with the age of what it told", async () => {
    await using lab = new Lab();
    lab.pushes("nuc1");
    lab.addMachine("nuc1");
    await lab.run(lab.power.query("nuc1"));
    lab.device("nuc1").command("on");
    await lab.wait(60_000);
    const before = lab.hub("nuc1").exchanges.read;
    const reading = await lab.run(lab.power.query("nuc1"));
    expect(reading).toMatchObject({ state: "on", confidence: "measured" });
    expect(reading.startedAt).toBeLessThan(lab.clock.now() - 50_000);
    expect(lab.hub("nuc1").exchanges.read).toBe(before);
  });

  test("ends the wait for a proof as soon as it tells, and the proof is still an exchange of its own", async () => {
    await using lab = new Lab();
    lab.pushes("nuc1");
    lab.addMachine("nuc1", { lag: "9500ms", boot: "0s" });
    await lab.run(lab.power.query("nuc1"));
    const order = await lab.order("nuc1", "on");
    expect((order.endedAt ?? 0) - order.acceptedAt).toBeLessThan(9_600);
    expect(order.grade).toBe("measured");
  });

  test("that stops telling leaves its last word stale, never wrong", async () => {
    await using lab = new Lab();
    lab.pushes("nuc1");
    lab.addMachine("nuc1", { initial: "on" });
    await lab.run(lab.power.query("nuc1"));
    await lab.wait(5_000);
    lab.hub("nuc1").reachable = false;
    lab.hub("nuc1").breakWatches();
    await lab.wait(100);
    expect(lab.power.machine("nuc1").reading).toMatchObject({ state: "on", confidence: "stale" });
    await expect(lab.run(lab.power.query("nuc1"))).rejects.toMatchObject({ code: "unreachable" });
    lab.hub("nuc1").reachable = true;
    await lab.wait(60_000);
    expect(lab.power.machine("nuc1").reading).toMatchObject({ state: "on", confidence: "measured" });
  });
});

describe("the identity of a device", () => {
  test("is pinned at first contact, and another device at its address is not commanded", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1");
    await lab.run(lab.power.query("nuc1"));
    expect(lab.power.hubs()[0]?.pin).toMatchObject({ id: "simulated-1" });
    lab.hub("nuc1").identity = "stranger";
    await lab.wait(61_000);
    const failure = await lab.failure("nuc1", "on");
    expect(failure).toMatchObject({ code: "wrong_device", status: 502 });
    expect(failure.message).toContain("stranger");
    expect(lab.commands("nuc1")).toEqual([]);
  });

  test("is the same after a restart, and accepted anew when somebody says so", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1");
    await lab.run(lab.power.query("nuc1"));
    lab.crash();
    lab.hub("nuc1").identity = "replacement";
    expect((await lab.failure("nuc1", "on")).code).toBe("wrong_device");
    await lab.run(lab.power.trust("nuc1", ANNA));
    expect((await lab.order("nuc1", "on", { actor: ANNA })).state).toBe("done");
    expect(lab.power.hubs()[0]?.pin?.id).toBe("replacement");
  });
});

describe("limits", () => {
  test("let only so many machines start at once, and a waiting order says for what", async () => {
    await using lab = new Lab();
    lab.limits.push({ label: "tag rack", tag: "rack", starting: 2, pause: 1_000 });
    for (const name of ["a", "b", "c", "d"]) lab.addMachine(name, { boot: "10s" }, { tags: ["rack"] });
    const tickets = ["a", "b", "c", "d"].map((machine) => lab.power.order({ machine, verb: "on", actor: MAAS }));
    await lab.wait(5_000);
    expect(tickets.map(({ order }) => order.waitingFor)).toEqual([
      undefined,
      undefined,
      "2 of 2 machines of tag rack are starting",
      "2 of 2 machines of tag rack are starting",
    ]);
    await lab.run(Promise.all(tickets.map((ticket) => ticket.done)));
    const starts = ["a", "b", "c", "d"].map((name) => lab.device(name).commands[0]?.at ?? 0);
    expect((starts[1] ?? 0) - (starts[0] ?? 0)).toBeGreaterThanOrEqual(1_000);
    expect((starts[2] ?? 0) - (starts[0] ?? 0)).toBeGreaterThanOrEqual(10_000);
  });

  test("give the turn of a superseded order to the next", async () => {
    await using lab = new Lab();
    lab.limits.push({ label: "tag rack", tag: "rack", starting: 1, pause: 0 });
    for (const name of ["a", "b"]) lab.addMachine(name, { boot: "60s" }, { tags: ["rack"] });
    const first = lab.power.order({ machine: "a", verb: "on", actor: MAAS });
    const second = lab.power.order({ machine: "b", verb: "on", actor: MAAS });
    await lab.wait(5_000);
    lab.power.cancel(first.order.id, ANNA);
    await lab.wait(5_000);
    expect(lab.commands("b")).toEqual(["on"]);
    await lab.run(Promise.allSettled([first.done, second.done]));
  });

  test("hold up no off, and nobody whom they do not concern", async () => {
    await using lab = new Lab();
    lab.limits.push({ label: "tag rack", tag: "rack", starting: 1, pause: 0 });
    lab.addMachine("a", { boot: "60s" }, { tags: ["rack"] });
    lab.addMachine("b", { initial: "on" }, { tags: ["rack"] });
    lab.addMachine("c", { boot: "1s" });
    const first = lab.power.order({ machine: "a", verb: "on", actor: MAAS });
    await lab.wait(3_000);
    await lab.order("b", "off");
    await lab.order("c", "on");
    expect(first.order.state).toBe("running");
    await lab.run(first.done);
  });
});

describe("a lock", () => {
  test("refuses every verb to everybody, MAAS included, but answers queries", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1");
    lab.power.lock("nuc1", { reason: "disk being replaced", actor: ANNA });
    const failure = await lab.failure("nuc1", "on");
    expect(failure).toMatchObject({ code: "locked", status: 423 });
    expect(failure.message).toContain("anna: disk being replaced");
    expect((await lab.failure("nuc1", "off", { actor: ANNA, force: true })).code).toBe("locked");
    expect((await lab.run(lab.power.query("nuc1"))).state).toBe("off");
    expect(lab.commands("nuc1")).toEqual([]);
  });

  test("outlives a restart, and ends with an unlock", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1");
    lab.power.lock("nuc1", { reason: "mine", actor: ANNA });
    lab.crash();
    expect(lab.power.machine("nuc1").lock).toMatchObject({ by: "anna", reason: "mine" });
    lab.power.unlock("nuc1", ANNA);
    lab.crash();
    expect((await lab.order("nuc1", "on", { actor: ANNA })).state).toBe("done");
  });
});
