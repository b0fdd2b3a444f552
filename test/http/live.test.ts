import { describe, expect, test } from "vitest";
import type { MachineShape } from "../../src/http/shapes.ts";
import { until } from "../expecting.ts";
import { ANNA, type Lab } from "../power/lab.ts";
import { Follower } from "./follower.ts";
import { bearer, House, token } from "./house.ts";

const tokens = [
  token("anna", { role: "operator" }),
  token("eyes", { role: "viewer" }),
  token("otto", { role: "admin" }),
  token("maas", { role: "maas" }),
  token("nucs", { role: "viewer", machines: ["nuc*"] }),
];

const instant = { boot: "0s", shutdown: "0s" };

function open(machines?: (lab: Lab) => void): Promise<House> {
  const usual = (lab: Lab) => {
    lab.addMachine("nuc1", instant);
    lab.addMachine("pi1", instant);
  };
  return House.open({ tokens, machines: machines ?? usual });
}

function live(house: House, as = "anna"): Promise<Follower> {
  return Follower.of(house, { path: "/api/v1/live", as });
}

/** What it was told of that kind, in order. */
function told<T>({ messages }: Follower, kind: string): T[] {
  return messages.filter(({ event }) => event === kind).map(({ data }) => JSON.parse(data) as T);
}

function machines(follower: Follower, name?: string): MachineShape[] {
  return told<MachineShape>(follower, "machine").filter((machine) => name === undefined || machine.name === name);
}

function query(house: House, name: string) {
  return house.lab.run(house.ask(`/api/v1/machines/${name}/query`, { method: "POST", as: bearer("anna") }));
}

describe("the live stream", () => {
  test("tells a machine as the list has it, when it is first read, switched, locked, and when MAAS asks for it", async () => {
    await using house = await open();
    using page = await live(house);
    const next = async () => {
      const known = page.messages.length;
      await until(() => page.messages.slice(known).some(({ event }) => event === "machine"));
      return machines(page, "nuc1").at(-1);
    };
    const as = bearer("anna");
    const first = next();
    await query(house, "nuc1");
    await first;
    await until(() => machines(page).at(-1)?.checking === false);
    expect(machines(page).at(-1)).toMatchObject({ state: "off", reading: { confidence: "measured" } });

    await house.lab.run(
      house.ask("/api/v1/orders", { method: "POST", as, body: { machine: "nuc1", verb: "on", reason: "night build" } }),
    );
    await until(() => machines(page).at(-1)?.lastOrder?.state === "done");
    expect(machines(page).at(-1)).toMatchObject({
      state: "on",
      lastOrder: { reason: "night build", grade: "measured" },
    });

    await house.ask("/api/v1/machines/nuc1/lock", { method: "POST", as, body: { reason: "disk swap" } });
    await until(() => machines(page).at(-1)?.lock !== undefined);
    expect(machines(page).at(-1)).toMatchObject({ lock: { reason: "disk swap" }, refuses: { code: "locked" } });

    await house.ask("/maas/nuc1/query", { as: bearer("maas"), headers: { "user-agent": "MAAS 3.7.3" } });
    await until(() => machines(page).at(-1)?.polled !== undefined);
    const list = await house.ask("/api/v1/machines", { as });
    expect(machines(page).at(-1)).toEqual(list.json<{ machines: MachineShape[] }>().machines[0]);
    expect(machines(page, "pi1")).toEqual([]);
  });

  test("tells what an order is doing while it does it", async () => {
    await using house = await open((lab) => lab.addMachine("nuc1", { boot: "40s" }));
    using page = await live(house);
    house.lab.power.order({ machine: "nuc1", verb: "on", actor: ANNA });
    await until(() => machines(page).some(({ order }) => order?.state === "running"));
    await house.lab.wait(60_000);
    await until(() => machines(page).at(-1)?.lastOrder !== undefined);
    const steps = machines(page).map(({ order, lastOrder }) => (order ?? lastOrder)?.steps.length ?? 0);
    expect(steps).toEqual(steps.toSorted((a, b) => a - b));
    expect(machines(page).at(-1)?.order).toBeUndefined();
  });

  test("is silent about a reading that only confirms the one before", async () => {
    await using house = await open();
    await query(house, "nuc1");
    using page = await live(house);
    await house.lab.wait(5_000);
    await house.lab.run(house.lab.power.query("nuc1"));
    await house.lab.run(house.lab.power.query("pi1"));
    await until(() => machines(page).length > 0);
    expect(machines(page).map(({ name }) => name)).toEqual(["pi1"]);
  });

  test("tells a machine that changes a hundred times within a moment only as it then is", async () => {
    await using house = await open();
    using page = await live(house);
    for (let time = 0; time < 100; time++) house.lab.power.lock("nuc1", { reason: `no. ${time}`, actor: ANNA });
    await until(() => machines(page).at(-1)?.lock?.reason === "no. 99");
    expect(machines(page).length).toBeLessThan(4);
    await until(() => told(page, "event").length === 100);
  });

  test("tells every one of hundreds that change at once, some at a time, and each once", async () => {
    const names = Array.from({ length: 500 }, (_, number) => `m${number}`);
    await using house = await open((lab) => {
      for (const name of names) lab.add(name, {});
    });
    using page = await live(house, "eyes");
    for (const name of names) house.lab.power.lock(name, { reason: "flood", actor: ANNA });
    await until(() => machines(page).length >= names.length);
    expect(new Set(machines(page).map(({ name }) => name)).size).toBe(names.length);
    expect(machines(page)).toHaveLength(names.length);
  });

  test("tells of each hub that fails, and that answers again", async () => {
    await using house = await open((lab) => lab.addMachine("nuc1", { fault: "unreachable" }));
    using page = await live(house);
    await query(house, "nuc1");
    await until(() => told(page, "hub").length > 0);
    await until(() => machines(page).at(-1)?.state === "error");
    expect(told(page, "hub").at(-1)).toMatchObject({ name: "nuc1", failing: { code: "unreachable" }, breaker: "open" });
    house.lab.device("nuc1").fault = undefined;
    await house.lab.wait(5_000);
    await until(() => told<{ breaker: string }>(page, "hub").at(-1)?.breaker === "closed");
    await until(() => machines(page).at(-1)?.state === "off");
  });

  test("tells what a changed configuration adds, changes and takes away, and that one is invalid", async () => {
    const yaml = (rest: string) => `machines:\n  nuc1: { driver: simulated, world: live }\n${rest}`;
    await using house = await House.open({ tokens, yaml: yaml("  nuc2: { driver: simulated, world: live }\n") });
    using page = await live(house, "otto");
    const reload = () =>
      house.ask("/api/v1/configuration/reload", { method: "POST", as: bearer("otto"), body: { dry_run: false } });
    house.file.change(yaml("  nuc3: { driver: simulated, world: live, description: New }\n"));
    expect((await reload()).json()).toMatchObject({ applied: true });
    await until(() => told(page, "removed").length > 0 && machines(page, "nuc3").length > 0);
    expect(told(page, "removed")).toEqual([{ name: "nuc2" }]);
    await until(() => told(page, "status").length > 0);
    house.file.change(yaml("  nuc4: { driver: shely }\n"));
    await reload();
    await house.lab.wait(2_000);
    await until(() => told<{ problems: string[] }>(page, "status").at(-1)?.problems.length === 1);
    expect(machines(page, "nuc4")).toEqual([]);
  });

  test("tells a limited caller of its machines alone, whatever it is about", async () => {
    await using house = await open((lab) => {
      lab.addMachine("nuc1", { fault: "unreachable" });
      lab.addMachine("pi1", { fault: "unreachable" });
    });
    using limited = await live(house, "nucs");
    using whole = await live(house, "otto");
    for (const name of ["pi1", "nuc1"]) {
      await query(house, name);
      house.lab.power.lock(name, { reason: `of ${name}`, actor: ANNA });
    }
    const toldOf = (follower: Follower, name: string) =>
      ["machine", "hub", "event"].every((kind) =>
        follower.messages.some(({ event, data }) => event === kind && data.includes(name)),
      );
    await until(() => toldOf(limited, "nuc1") && toldOf(whole, "pi1"));
    expect(JSON.stringify(limited.messages)).not.toContain("pi1");
  });

  test("tells who signed in to those alone who may change that", async () => {
    await using house = await open();
    using viewer = await live(house, "eyes");
    using admin = await live(house, "otto");
    await house.ask("/api/v1/session", { method: "POST", body: { token: "anna" } });
    house.lab.power.lock("nuc1", { reason: "for everybody", actor: ANNA });
    await until(() => told(admin, "event").length === 2 && told(viewer, "event").length === 1);
    expect(told(admin, "event")).toMatchObject([
      { event: { kind: "session:opened" } },
      { event: { kind: "machine:locked" } },
    ]);
    expect(JSON.stringify(viewer.messages)).not.toContain("session");
  });

  test("tells people and automation what is refused to each", async () => {
    await using house = await open((lab) => lab.addMachine("nuc1", instant, { protect: "people" }));
    using person = await live(house);
    using automation = await live(house, "maas");
    await query(house, "nuc1");
    await until(() => machines(person).length > 0 && machines(automation).length > 0);
    expect(machines(person).at(-1)?.refuses).toMatchObject({ code: "protected" });
    expect(machines(automation).at(-1)?.refuses).toBeUndefined();
  });

  test("shows that it lives every 15 s", async () => {
    await using house = await open();
    using page = await live(house);
    await until(() => page.comments === 1);
    await house.lab.wait(31_500);
    await until(() => page.comments > 2);
    expect([page.comments, page.messages]).toEqual([3, []]);
  });

  test("ends within a second for a credential that was revoked, before it tells anything more", async () => {
    await using house = await open();
    const made = await house.credentials.addToken({ name: "new", role: "viewer", machines: ["*"], from: [] });
    using idle = await live(house, made);
    using busy = await live(house, made);
    await house.credentials.revoke("tokens", "new");
    house.lab.power.lock("nuc1", { reason: "secret", actor: ANNA });
    await until(() => busy.ended && idle.ended);
    expect([busy.messages, idle.messages]).toEqual([[], []]);
    using later = await live(house, "otto");
    expect(later.ended).toBe(false);
  });

  test("ends without a change too, and when the page signs out", async () => {
    await using house = await open();
    const opened = await house.ask("/api/v1/session", { method: "POST", body: { token: "anna" } });
    const cookie = opened.headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
    const response = await house.send("/api/v1/live", { headers: { cookie } });
    const gone = new Promise((resolve) => response.resume().once("close", resolve));
    const headers = { cookie, "x-mso-request": "1" };
    expect((await house.ask("/api/v1/session", { method: "DELETE", headers })).status).toBe(204);
    await house.lab.wait(1_500);
    await gone;
    expect(response.complete).toBe(true);
  });

  test("ends when the daemon stops", async () => {
    await using house = await open();
    using page = await live(house);
    await house.stop();
    await until(() => page.ended);
    expect(page.response.complete).toBe(true);
  });

  test("lets a caller go that does not read, and the others read on", async () => {
    await using house = await open();
    const response = await house.send("/api/v1/live", { as: bearer("anna") });
    response.on("error", () => undefined).pause();
    const gone = new Promise((resolve) => response.once("close", resolve));
    using other = await live(house);
    const reason = "x".repeat(1_000_000);
    for (let count = 1; count <= 8; count++) {
      house.lab.power.lock("nuc1", { reason: `${reason}${count}`, actor: ANNA });
      // The machine, and the event.
      await until(() => other.messages.length >= 2 * count);
    }
    response.resume();
    await gone;
    expect(response.complete).toBe(false);
    house.lab.power.lock("pi1", { reason: "still told", actor: ANNA });
    await until(() => other.messages.at(-1)?.data.includes("still told") === true);
    expect(house.faults).toEqual([]);
  });

  test("listens to nothing while nobody looks, and counts who does", async () => {
    await using house = await open();
    const page = await live(house);
    await until(() => house.tallies.streams.live === 1);
    page[Symbol.dispose]();
    await until(() => house.tallies.streams.live === 0);
    house.lab.power.lock("nuc1", { reason: "unseen", actor: ANNA });
    using again = await live(house);
    house.lab.power.lock("pi1", { reason: "seen", actor: ANNA });
    await until(() => machines(again).length > 0);
    expect(machines(again).map(({ name }) => name)).toEqual(["pi1"]);
  });
});
