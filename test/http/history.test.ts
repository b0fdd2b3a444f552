import { describe, expect, test } from "vitest";
import type { PowerEvent } from "../../src/power/events.ts";
import type { OrderRecord } from "../../src/power/order.ts";
import type { Lab } from "../power/lab.ts";
import { type Asking, bearer, House, token } from "./house.ts";

const tokens = [
  token("anna"),
  token("otto", { role: "admin" }),
  token("maas", { role: "maas" }),
  token("nucs", { role: "viewer", machines: ["nuc*"] }),
];
const instant = { boot: "0s", shutdown: "0s" };

function open(): Promise<House> {
  return House.open({
    tokens,
    machines: (lab: Lab) => {
      lab.addMachine("nuc7", { ...instant, initial: "on" });
      lab.addMachine("pi1", instant);
    },
  });
}

async function order(house: House, as: string, body: Record<string, unknown>): Promise<void> {
  await house.lab.run(house.ask("/api/v1/orders", { method: "POST", as: bearer(as), body }));
  await house.lab.wait(60_000);
}

async function orders(house: House, query: string, as = "anna"): Promise<OrderRecord[]> {
  const answer = await house.ask(`/api/v1/orders${query}`, { as: bearer(as) });
  return answer.json<{ orders: OrderRecord[] }>().orders;
}

interface Stored {
  readonly id: number;
  readonly event: { readonly kind: string; readonly at: number; readonly machine?: string };
}

async function events(house: House, query: string, as = "otto"): Promise<Stored[]> {
  const answer = await house.ask(`/api/v1/events${query}`, { as: bearer(as) });
  expect([query, answer.status]).toEqual([query, 200]);
  return answer.json<{ events: Stored[] }>().events;
}

function note(house: House, event: Partial<PowerEvent> & { readonly kind: PowerEvent["kind"] }): void {
  house.journal.note({ at: house.clock.now(), ...event } as PowerEvent);
}

describe("orders of the past", () => {
  test("tell who switched off a machine last night, why, and whether it was proven", async () => {
    await using house = await open();
    const evening = house.clock.now();
    await order(house, "anna", { machine: "nuc7", verb: "off", reason: "too loud" });
    await order(house, "maas", { machine: "nuc7", verb: "on" });
    await order(house, "maas", { machine: "pi1", verb: "off" });
    const found = await orders(house, `?machine=nuc7&verb=off&since=${evening}`);
    expect(found).toMatchObject([
      { actor: { id: "token:anna" }, reason: "too loud", state: "done", grade: "measured", proof: { state: "off" } },
    ]);
    expect(await orders(house, `?verb=off&until=${evening}`)).toEqual([]);
    expect((await orders(house, "?actor=token:maas")).map(({ machine }) => machine)).toEqual(["pi1", "nuc7"]);
  });

  test("are found by how they ended, those under way as well, and paged backwards", async () => {
    await using house = await open();
    house.lab.device("pi1").fault = "refuses";
    await order(house, "anna", { machine: "pi1", verb: "on" });
    await order(house, "anna", { machine: "nuc7", verb: "off" });
    house.lab.device("pi1").fault = "stuck";
    await house.ask("/api/v1/orders", {
      method: "POST",
      as: bearer("anna"),
      body: { machine: "pi1", verb: "on", wait: false },
    });
    await house.lab.wait(1_000);
    const states = async (query: string) => (await orders(house, query)).map(({ state }) => state);
    expect(await states("")).toEqual(["running", "done", "failed"]);
    expect(await states("?state=failed")).toEqual(["failed"]);
    expect(await states("?state=running")).toEqual(["running"]);
    expect(await states("?state=waiting")).toEqual([]);
    const pages: string[] = [];
    for (let before = ""; ; ) {
      const [found] = await orders(house, `?limit=1${before}`);
      if (!found) break;
      pages.push(found.state);
      before = `&before=${found.id}`;
    }
    expect(pages).toEqual(["running", "done", "failed"]);
    expect(await states("?before=none-1-abc")).toEqual([]);
  });
});

describe("events of the past", () => {
  test("are found by kind, actor and time, and paged backwards without a gap", async () => {
    await using house = await open();
    await order(house, "anna", { machine: "nuc7", verb: "off" });
    const later = house.clock.now();
    await order(house, "maas", { machine: "pi1", verb: "on" });
    await house.ask("/api/v1/machines/pi1/lock", { method: "POST", as: bearer("anna"), body: { reason: "disk swap" } });
    const kinds = async (query: string) => (await events(house, query)).map(({ event }) => event.kind);
    expect(await kinds("?kind=order:ended")).toEqual(["order:ended", "order:ended"]);
    expect(await kinds("?actor=token:anna")).toEqual(["order:accepted", "order:ended", "machine:locked"]);
    expect(await kinds(`?actor=token:anna&since=${later}`)).toEqual(["machine:locked"]);
    expect(await kinds(`?kind=order:ended&until=${later}`)).toEqual(["order:ended"]);
    expect(await kinds("?machine=pi1&kind=order:accepted")).toEqual(["order:accepted"]);
    expect(await kinds("?kind=none")).toEqual([]);
    const all = await events(house, "");
    const paged: Stored[] = [];
    for (let before = ""; ; ) {
      const page = await events(house, `?limit=2${before}`);
      const [oldest] = page;
      if (!oldest) break;
      paged.unshift(...page);
      before = `&before=${oldest.id}`;
    }
    expect(paged).toEqual(all);
    expect(all.length).toBeGreaterThan(6);
  });

  test("of signing in and of credentials are told to those alone who may change them", async () => {
    await using house = await open();
    await house.ask("/api/v1/session", { method: "POST", body: { token: "anna" } });
    expect(await events(house, "?kind=session:opened")).toHaveLength(1);
    expect(await events(house, "?kind=session:opened", "anna")).toEqual([]);
    const { text } = await download(house, "", { as: bearer("anna") });
    expect(text).not.toContain("session");
  });
});

async function download(house: House, query: string, asking: Asking = {}) {
  return house.lab.run(house.ask(`/api/v1/events/export${query}`, { as: bearer("otto"), ...asking }));
}

/** Lines of fields, as RFC 4180 has them. */
function csv(text: string): string[][] {
  expect(text.endsWith("\r\n")).toBe(true);
  const fields = [...text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)];
  const lines: string[][] = [[]];
  for (const [, quoted, plain = "", end] of fields) {
    lines.at(-1)?.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end !== ",") lines.push([]);
  }
  return lines.slice(0, -1);
}

describe("the export", () => {
  test("has everything, the oldest first, over all pages of the journal", async () => {
    await using house = await open();
    for (let number = 0; number < 1_234; number++)
      note(house, {
        kind: "machine:unreadable",
        machine: "nuc7",
        error: { code: "timeout", message: `no. ${number}` },
      });
    const file = await download(house, "?machine=nuc7");
    expect(file.headers).toMatchObject({
      "content-type": "text/csv; charset=utf-8; header=present",
      "content-disposition": 'attachment; filename="maasochist-events.csv"',
    });
    const [head = [], ...lines] = csv(file.text);
    expect(lines.map((line) => line[head.indexOf("message")])).toEqual(
      Array.from({ length: 1_234 }, (_, number) => `no. ${number}`),
    );
    const json = await download(house, "?format=json");
    const listed = await events(house, "?limit=10000");
    expect(listed.length).toBeGreaterThan(1_234);
    expect(json.json<{ events: Stored[] }>().events).toEqual(listed);
    expect(json.headers["content-disposition"]).toContain("maasochist-events.json");
  });

  test("tells of an order who gave it, why, and how it ended", async () => {
    await using house = await open();
    await order(house, "anna", { machine: "nuc7", verb: "off", reason: 'the "loud" one,\nin rack 2' });
    const [head = [], ...lines] = csv((await download(house, "?kind=order:ended&machine=nuc7")).text);
    const line = lines[0] ?? [];
    const of = (column: string) => line[head.indexOf(column)];
    expect(lines).toHaveLength(1);
    expect([of("actor"), of("verb"), of("state"), of("grade"), of("reason")]).toEqual([
      "token:anna",
      "off",
      "done",
      "measured",
      'the "loud" one,\nin rack 2',
    ]);
    expect(of("time")).toMatch(/^2026-01-01T\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  test.each(["=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "\tx", "\rx"])(
    "lets no spreadsheet take %j for a formula",
    async (text) => {
      await using house = await open();
      note(house, { kind: "machine:locked", machine: "nuc7", by: "anna", actor: "token:anna", reason: text });
      const [head = [], line = []] = csv((await download(house, "?machine=nuc7")).text);
      expect(line[head.indexOf("reason")]).toBe(`'${text}`);
    },
  );

  test("of nothing is a head without lines, and a list without events", async () => {
    await using house = await open();
    expect(csv((await download(house, "?kind=none")).text)).toHaveLength(1);
    expect((await download(house, "?kind=none&format=json")).json()).toEqual({ events: [] });
  });

  test("has the machines alone that a caller may see", async () => {
    await using house = await open();
    for (const machine of ["pi1", "nuc7"]) note(house, { kind: "machine:readable", machine });
    note(house, { kind: "hub:answering", hub: "rack", machines: ["nuc7", "pi1"] });
    for (const format of ["csv", "json"]) {
      const { text } = await download(house, `?format=${format}`, { as: bearer("nucs") });
      expect(text).toContain("nuc7");
      expect(text).not.toMatch(/pi1|rack/);
    }
  });
});
