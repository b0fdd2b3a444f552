import { describe, expect, test } from "vitest";
import type { PowerEvent } from "../../src/power/events.ts";
import { until } from "../expecting.ts";
import { Follower, type Following } from "./follower.ts";
import { bearer, House, token } from "./house.ts";

const tokens = [token("anna", { role: "viewer" }), token("nucs", { role: "viewer", machines: ["nuc*"] })];

function open(): Promise<House> {
  return House.open({
    tokens,
    machines: (lab) => {
      lab.addMachine("nuc1", { boot: "0s", shutdown: "0s" });
      lab.addMachine("pi1");
    },
  });
}

function follow(house: House, more: Omit<Following, "path"> & { readonly query?: string } = {}): Promise<Follower> {
  const { query = "", ...rest } = more;
  return Follower.of(house, { path: `/api/v1/events/stream${query}`, ...rest });
}

/** Messages by their text, or the machine they are about. */
function texts({ messages }: Follower): string[] {
  return messages.map(({ data }) => {
    const { event } = JSON.parse(data) as { event: { machine?: string; message?: string } };
    return event.message ?? event.machine ?? "";
  });
}

/** Something worth telling, known by its text. */
function note(house: House, text: string, machine?: string): void {
  const at = house.clock.now();
  const event: PowerEvent =
    machine === undefined
      ? { kind: "journal:failed", at, message: text }
      : { kind: "machine:unreadable", at, machine, error: { code: "timeout", message: text } };
  house.journal.note(event);
}

function lastId(house: House): number {
  return house.journal.events({ limit: 1 })[0]?.id ?? 0;
}

describe("the stream of events", () => {
  test("tells what happens from now on, each with its number and kind", async () => {
    await using house = await open();
    note(house, "before");
    using follower = await follow(house);
    expect(follower.response.headers).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-store",
    });
    await house.ask("/maas/nuc1/query", { as: bearer("anna") });
    note(house, "now");
    await until(() => follower.messages.length > 0);
    expect(follower.messages).toMatchObject([{ id: String(lastId(house)), event: "journal:failed" }]);
    expect(texts(follower)).toEqual(["now"]);
  });

  test("resumes behind the last event a caller has, with no gap to what happens meanwhile and nothing twice", async () => {
    await using house = await open();
    note(house, "known");
    const after = lastId(house);
    const expected = Array.from({ length: 3_000 }, (_, number) => `event ${number}`);
    for (const text of expected.slice(0, 1_700)) note(house, text);
    using follower = await follow(house, { after });
    for (const [number, text] of expected.slice(1_700).entries()) {
      note(house, text);
      if (number % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => follower.messages.length >= expected.length);
    expect(texts(follower)).toEqual(expected);
  });

  test("tells a caller of its machines alone, then and now, and of one where it asks for one", async () => {
    await using house = await open();
    note(house, "start");
    const after = lastId(house);
    const both = () => {
      note(house, "of nuc", "nuc1");
      note(house, "of pi", "pi1");
    };
    both();
    using limited = await follow(house, { as: "nucs", after });
    using one = await follow(house, { query: "?machine=pi1", after });
    both();
    note(house, "of all");
    await until(() => limited.messages.length >= 3 && one.messages.length >= 2);
    expect(texts(limited)).toEqual(["nuc1", "nuc1", "of all"]);
    expect(texts(one)).toEqual(["pi1", "pi1"]);
  });

  test("goes on without numbers while the journal cannot be written", async () => {
    await using house = await open();
    using follower = await follow(house);
    house.journal.close();
    note(house, "unwritten");
    await until(() => follower.messages.length > 0);
    expect([texts(follower), follower.messages[0]?.id]).toEqual([["unwritten"], undefined]);
  });

  test("shows that it lives every 15 s", async () => {
    await using house = await open();
    using follower = await follow(house);
    await until(() => follower.comments === 1);
    await house.lab.wait(31_000);
    await until(() => follower.comments > 2);
    expect(follower.comments).toBe(3);
  });

  test("ends for a credential that was revoked, before it tells anything more", async () => {
    await using house = await open();
    const made = await house.credentials.addToken({ name: "new", role: "viewer", machines: ["*"], from: [] });
    using busy = await follow(house, { as: made });
    using idle = await follow(house, { as: made, query: "?machine=pi1" });
    await house.credentials.revoke("tokens", "new");
    note(house, "secret");
    await until(() => busy.ended);
    expect([busy.messages, idle.ended]).toEqual([[], false]);
    await house.lab.wait(16_000);
    await until(() => idle.ended);
  });

  test("goes on when the credentials were read again and this one is the same", async () => {
    await using house = await open();
    const made = await house.credentials.addToken({ name: "new", role: "viewer", machines: ["*"], from: [] });
    using follower = await follow(house, { as: made });
    await house.credentials.addToken({ name: "other", role: "viewer", machines: ["*"], from: [] });
    note(house, "still told");
    await until(() => follower.messages.length > 0);
    expect(texts(follower)).toEqual(["still told"]);
  });

  test("ends when the daemon stops", async () => {
    await using house = await open();
    using follower = await follow(house);
    await house.stop();
    await until(() => follower.ended);
    expect(follower.response.complete).toBe(true);
  });

  test("lets a caller go that does not read, and keeps nothing for it", async () => {
    await using house = await open();
    const response = await house.send("/api/v1/events/stream", { as: bearer("anna") });
    response.on("error", () => undefined).pause();
    const gone = new Promise((resolve) => response.once("close", resolve));
    const text = "x".repeat(100_000);
    for (let count = 0; count < 200 && !response.closed; count++) {
      note(house, text);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    response.resume();
    await gone;
    expect(response.complete).toBe(false);
    using again = await follow(house);
    note(house, "well");
    await until(() => again.messages.length > 0);
    expect(house.faults).toEqual([]);
  });

  test.each(["x", "1.5", "-3", "1e99"])("refuses the last event's number %s", async (after) => {
    await using house = await open();
    const headers = { "last-event-id": after };
    const answer = await house.ask("/api/v1/events/stream", { as: bearer("anna"), headers });
    expect([answer.status, answer.json<{ error: { code: string } }>().error.code]).toEqual([400, "bad_request"]);
  });
});
