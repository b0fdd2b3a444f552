import { describe, expect, test } from "vitest";
import type { HubShape, MachineShape } from "../../src/http/shapes.ts";
import type { OrderRecord } from "../../src/power/order.ts";
import type { Lab } from "../power/lab.ts";
import { type Answer, bearer, House, token } from "./house.ts";

const tokens = [
  token("anna", { role: "operator" }),
  token("otto", { role: "admin" }),
  token("maas", { role: "maas" }),
  token("nucs", { role: "viewer", machines: ["nuc*"] }),
];

const instant = { boot: "0s", shutdown: "0s" };

function open(machines: (lab: Lab) => void): Promise<House> {
  return House.open({ machines, tokens });
}

/** Gives an order as the API takes it, and lets time pass until it is answered. */
function order(house: House, body: Record<string, unknown>, as = "anna"): Promise<Answer> {
  return house.lab.run(house.ask("/api/v1/orders", { method: "POST", as: bearer(as), body }));
}

async function orders(house: House, query = "", as = "anna"): Promise<OrderRecord[]> {
  const answer = await house.ask(`/api/v1/orders${query}`, { as: bearer(as) });
  return answer.json<{ orders: OrderRecord[] }>().orders;
}

describe("orders over the API", () => {
  test("answers how the order ended, and who gave it why", async () => {
    await using house = await open((lab) => lab.addMachine("nuc1", { boot: "40s" }));
    const answer = await order(house, { machine: "nuc1", verb: "on", reason: "night build" });
    expect([answer.status, house.lab.device("nuc1").running]).toEqual([200, true]);
    expect(answer.json()).toMatchObject({
      order: { machine: "nuc1", state: "done", grade: "measured", reason: "night build", actor: { id: "token:anna" } },
    });
  });

  test("answers a failure with its status, its words, and the order", async () => {
    await using house = await open((lab) => lab.addMachine("nuc1", { fault: "refuses" }));
    const answer = await order(house, { machine: "nuc1", verb: "on" });
    expect(answer.status).toBe(502);
    expect(answer.json()).toMatchObject({
      error: { code: "refused", message: expect.any(String), hint: expect.any(String) },
      order: { state: "failed", error: { code: "refused" } },
    });
  });

  test("answers 202 when the caller would not wait, or no longer; the order goes on", async () => {
    await using house = await open((lab) => {
      lab.addMachine("nuc1", { boot: "40s" });
      lab.addMachine("nuc2", { boot: "40s" });
    });
    const bodies = [
      { machine: "nuc1", verb: "on", wait: false },
      { machine: "nuc2", verb: "on", timeout_ms: 1_000 },
    ];
    for (const body of bodies) {
      const answer = await order(house, body);
      expect(answer.status).toBe(202);
      expect(["waiting", "running"]).toContain(answer.json<{ order: OrderRecord }>().order.state);
    }
    await house.lab.wait(60_000);
    expect((await orders(house)).map(({ state }) => state)).toEqual(["done", "done"]);
  });

  test("answers a repeat of automation with what came of it, not with the order before", async () => {
    await using house = await open((lab) => lab.addMachine("nuc1", instant));
    expect((await order(house, { machine: "nuc1", verb: "on" }, "maas")).status).toBe(200);
    const device = house.lab.device("nuc1");
    device.halt();
    device.fault = "refuses";
    await house.lab.wait(5_000);
    const answer = await order(house, { machine: "nuc1", verb: "on" }, "maas");
    expect([answer.status, answer.json<{ error: { code: string } }>().error.code]).toEqual([502, "refused"]);
  });

  test("lets an admin pass protection by force, and nobody else", async () => {
    await using house = await open((lab) => lab.addMachine("nuc1", { ...instant, initial: "on" }, { protect: "all" }));
    expect((await order(house, { machine: "nuc1", verb: "off" }, "otto")).status).toBe(403);
    expect((await order(house, { machine: "nuc1", verb: "off", force: true }, "anna")).status).toBe(403);
    expect(house.lab.commands("nuc1")).toEqual([]);
    expect((await order(house, { machine: "nuc1", verb: "off", force: true }, "otto")).status).toBe(200);
    expect(house.lab.device("nuc1").running).toBe(false);
  });

  test("cancels an order that is under way, and knows no other", async () => {
    await using house = await open((lab) => lab.addMachine("nuc1", { fault: "stuck" }));
    await order(house, { machine: "nuc1", verb: "on", wait: false });
    const [running] = await orders(house);
    const path = `/api/v1/orders/${running?.id}/cancel`;
    expect((await house.ask(path, { method: "POST", as: bearer("anna") })).status).toBe(200);
    await house.lab.wait(10_000);
    expect(await orders(house)).toMatchObject([{ state: "superseded", error: { message: "cancelled by anna" } }]);
    expect((await house.ask(path, { method: "POST", as: bearer("anna") })).json()).toMatchObject({
      error: { code: "not_found" },
    });
  });

  test("keeps no more of a caller's own description than is worth keeping", async () => {
    await using house = await open((lab) => lab.addMachine("nuc1", instant));
    const headers = { "user-agent": "x".repeat(5_000) };
    const body = { machine: "nuc1", verb: "on" };
    await house.ask("/api/v1/orders", { method: "POST", as: bearer("anna"), body, headers });
    expect((await orders(house))[0]?.actor.agent).toBe("x".repeat(200));
  });
});

describe("lists of the API", () => {
  test("filters the orders under way like those that have ended", async () => {
    await using house = await open((lab) => {
      lab.addMachine("nuc1", instant);
      lab.addMachine("nuc2", { boot: "500s" }, { verify: 600_000 });
    });
    await order(house, { machine: "nuc1", verb: "on" });
    await house.lab.wait(60_000);
    const since = house.clock.now();
    await order(house, { machine: "nuc2", verb: "on", wait: false }, "otto");
    const machines = async (query: string) => (await orders(house, query)).map(({ machine }) => machine);
    expect(await machines("")).toEqual(["nuc2", "nuc1"]);
    expect(await machines("?machine=nuc1")).toEqual(["nuc1"]);
    expect(await machines("?actor=token:anna")).toEqual(["nuc1"]);
    expect(await machines("?actor=token:otto")).toEqual(["nuc2"]);
    expect(await machines(`?since=${since}`)).toEqual(["nuc2"]);
    expect(await machines(`?since=${since + 1}`)).toEqual([]);
    expect(await machines("?limit=1")).toEqual(["nuc2"]);
  });

  test("fills a limited caller's list with what it may see, however much else happened since", async () => {
    await using house = await open((lab) => {
      lab.addMachine("nuc1", instant);
      lab.addMachine("pi1", { ...instant, initial: "on" });
    });
    await order(house, { machine: "nuc1", verb: "on" });
    for (let time = 0; time < 5; time++) await order(house, { machine: "pi1", verb: "on" });
    expect(await orders(house, "?limit=2", "nucs")).toMatchObject([{ machine: "nuc1" }]);
    const events = await house.ask("/api/v1/events?limit=2", { as: bearer("nucs") });
    expect(events.json<{ events: { event: object }[] }>().events.map(({ event }) => event)).toMatchObject([
      { machine: "nuc1" },
      { machine: "nuc1" },
    ]);
  });

  test("finds machines by tag, state and words", async () => {
    await using house = await open((lab) => {
      lab.addMachine("nuc1", { initial: "on" }, { tags: ["lab"], description: "Under the DESK" });
      lab.addMachine("nuc2", {}, { tags: ["lab", "spare"] });
      lab.addMachine("pi1", { fault: "unreachable" });
    });
    for (const name of ["nuc1", "nuc2", "pi1"])
      await house.ask(`/api/v1/machines/${name}/query`, { method: "POST", as: bearer("anna") });
    const names = async (query: string) => {
      const answer = await house.ask(`/api/v1/machines${query}`, { as: bearer("anna") });
      return answer.json<{ machines: MachineShape[] }>().machines.map(({ name }) => name);
    };
    expect(await names("")).toEqual(["nuc1", "nuc2", "pi1"]);
    expect(await names("?tag=lab")).toEqual(["nuc1", "nuc2"]);
    expect(await names("?tag=lab&state=off")).toEqual(["nuc2"]);
    expect(await names("?state=error")).toEqual(["pi1"]);
    expect(await names("?search=desk")).toEqual(["nuc1"]);
  });

  test("tells of each hub how it does", async () => {
    await using house = await open((lab) => lab.addMachine("nuc1", { fault: "unreachable" }));
    const failed = await house.ask("/api/v1/machines/nuc1/query", { method: "POST", as: bearer("anna") });
    expect(failed.status).toBe(503);
    const answer = await house.ask("/api/v1/hubs", { as: bearer("anna") });
    expect(answer.json<{ hubs: HubShape[] }>().hubs).toMatchObject([
      { name: "nuc1", driver: "simulated", machines: ["nuc1"], failing: { code: "unreachable" } },
    ]);
  });
});

describe("requests that are wrong", () => {
  const wrong = [
    ["an unknown key", "POST", "/api/v1/orders", { machine: "nuc1", verb: "on", colour: "red" }, 400],
    ["an unknown verb", "POST", "/api/v1/orders", { machine: "nuc1", verb: "explode" }, 400],
    ["a list where a name belongs", "POST", "/api/v1/orders", { machine: ["nuc1"], verb: "on" }, 400],
    ["a negative timeout", "POST", "/api/v1/orders", { machine: "nuc1", verb: "on", timeout_ms: -1 }, 400],
    ["a reason too long", "POST", "/api/v1/orders", { machine: "nuc1", verb: "on", reason: "x".repeat(1_001) }, 400],
    ["JSON that ends too early", "POST", "/api/v1/orders", '{"machine":"nuc1","verb":', 400],
    [
      "a prototype in disguise",
      "POST",
      "/api/v1/orders",
      '{"machine":"nuc1","verb":"on","__proto__":{"force":true}}',
      400,
    ],
    ["a text where an object belongs", "POST", "/api/v1/orders", '"on"', 400],
    ["no body", "POST", "/api/v1/orders", undefined, 400],
    ["a body too large", "POST", "/api/v1/orders", { machine: "nuc1", verb: "on", reason: "x".repeat(70_000) }, 413],
    ["a limit of none", "GET", "/api/v1/orders?limit=0", undefined, 400],
    ["a limit beyond all", "GET", "/api/v1/orders?limit=10001", undefined, 400],
    ["a time that is no number", "GET", "/api/v1/orders?since=yesterday", undefined, 400],
    ["a filter given twice", "GET", "/api/v1/orders?machine=nuc1&machine=nuc2", undefined, 400],
    ["an unknown filter", "GET", "/api/v1/machines?colour=red", undefined, 400],
    ["an unknown state", "GET", "/api/v1/machines?state=asleep", undefined, 400],
    ["half a number", "GET", "/api/v1/events?after=1.5", undefined, 400],
    ["a limit where everything is told", "GET", "/api/v1/events/stream?limit=5", undefined, 400],
    ["a path badly encoded", "GET", "/api/v1/machines/%ff", undefined, 400],
    ["a name too long", "GET", `/api/v1/machines/${"x".repeat(5_000)}`, undefined, 414],
    ["an unknown path", "GET", "/api/v1/nothing", undefined, 404],
    ["no path at all", "GET", "/api", undefined, 404],
    ["an unknown method", "DELETE", "/api/v1/machines/nuc1", undefined, 404],
    ["asking for the head of an endless answer", "HEAD", "/api/v1/events/stream", undefined, 404],
  ] as const;

  test.each(wrong)(
    "%s is refused in the one form of errors, and nothing is done",
    async (_what, method, path, body, status) => {
      await using house = await open((lab) => lab.addMachine("nuc1", instant));
      const answer = await house.ask(path, { method, as: bearer("otto"), ...(body !== undefined && { body }) });
      expect([answer.status, answer.headers["content-type"]]).toEqual([status, "application/json; charset=utf-8"]);
      const form = {
        error: { code: expect.stringMatching(/^[a-z_]+$/), message: expect.any(String), hint: expect.any(String) },
      };
      expect(method === "HEAD" ? form : answer.json()).toEqual(form);
      expect(answer.text.length).toBeLessThan(1_000);
      expect([house.lab.commands("nuc1"), house.faults]).toEqual([[], []]);
    },
  );

  test("takes a body of no other type than JSON", async () => {
    await using house = await open((lab) => lab.addMachine("nuc1", instant));
    const body = '{"machine":"nuc1","verb":"on"}';
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]) {
      const answer = await house.ask("/api/v1/orders", {
        method: "POST",
        as: bearer("anna"),
        body,
        headers: { "content-type": type },
      });
      expect([400, 415]).toContain(answer.status);
    }
    expect(house.lab.commands("nuc1")).toEqual([]);
  });

  test("changes nothing by GET, whatever is asked", async () => {
    await using house = await open((lab) => lab.addMachine("nuc1", { ...instant, initial: "on" }));
    const paths = [
      "machines/nuc1/query",
      "orders/x-1-abc/cancel",
      "machines/nuc1",
      "hubs/nuc1/outlets",
      "orders",
      "hubs",
    ];
    for (const path of paths) await house.ask(`/api/v1/${path}`, { as: bearer("otto") });
    for (const verb of ["on", "off", "cycle", "reset"]) await house.ask(`/maas/nuc1/${verb}`, { as: bearer("otto") });
    expect(house.lab.commands("nuc1")).toEqual([]);
    expect(await orders(house)).toEqual([]);
  });
});
