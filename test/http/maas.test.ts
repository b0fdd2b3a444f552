import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import simulated from "../../src/drivers/simulated.ts";
import { defineDriver } from "../../src/power/driver.ts";
import { PowerError } from "../../src/power/errors.ts";
import { until } from "../expecting.ts";
import { ANNA, BERT } from "../power/lab.ts";
import { Front } from "./front.ts";

describe("MAAS's dialect", () => {
  test("answers a query in exactly one line that MAAS's default regexes match", async () => {
    await using front = new Front();
    front.lab.addMachine("nuc1", { initial: "on" });
    front.lab.addMachine("nuc2");
    front.lab.add("blind", {});
    expect(await front.ask("GET", "/maas/nuc1/query")).toBe('200 {"status":"running"}');
    expect(await front.ask("GET", "/maas/nuc2/query")).toBe('200 {"status":"stopped"}');
    expect(await front.ask("GET", "/maas/blind/query")).toBe('200 {"status":"unknown"}');
  });

  test("holds a POST until the state is proven", async () => {
    await using front = new Front();
    front.lab.addMachine("nuc1", { boot: "40s" });
    expect(await front.ask("POST", "/maas/nuc1/on")).toBe('200 {"result":"done"}');
    expect(front.lab.device("nuc1").running).toBe(true);
    expect(await front.ask("POST", "/maas/nuc1/off")).toBe('200 {"result":"done"}');
    expect(front.lab.device("nuc1").running).toBe(false);
  });

  test("answers 202 past the hold, and the order goes on", async () => {
    await using front = new Front();
    front.lab.addMachine("nuc1", { boot: "110s" });
    expect(await front.ask("POST", "/maas/nuc1/on")).toBe('202 {"result":"under way"}');
    expect(front.lab.device("nuc1").running).toBe(false);
    await front.lab.wait(30_000);
    expect(front.lab.power.machine("nuc1").lastOrder).toMatchObject({ state: "done" });
  });

  test("tells a failure with its status, code and hint", async () => {
    await using front = new Front();
    front.lab.addMachine("nuc1", { fault: "unreachable" });
    expect(await front.ask("POST", "/maas/nuc1/on")).toMatch(
      /^503 \{"error":\{"code":"unreachable","message":"[^"]+","hint":"[^"]+"\}\}$/,
    );
    expect(await front.ask("GET", "/maas/nuc1/query")).toMatch(/^503 /);
  });

  test("takes cycle and reset too", async () => {
    await using front = new Front();
    front.lab.addMachine("nuc1", { initial: "on" });
    expect(await front.ask("POST", "/maas/nuc1/reset")).toBe('200 {"result":"done"}');
    expect(await front.ask("POST", "/maas/nuc1/cycle")).toBe('200 {"result":"done"}');
    expect(front.lab.commands("nuc1")).toEqual(["reset", "off", "on"]);
  });

  test.each([
    ["/maas/nuc9/on", "did you mean"],
    ["/maas/NUC1/on", "did you mean"],
    ["/maas/nuc1/onn", "did you mean"],
    ["/maas/nuc1", "/maas/MACHINE/on"],
    ["/maas", "/maas/MACHINE/on"],
    ["/maas/", "/maas/MACHINE/on"],
    ["/maas/nuc1/on/now", "/maas/MACHINE/on"],
    ["/maas/%ff/on", "there is no machine"],
    ["/maas/../nuc1/on", "/maas/MACHINE/on"],
    ["/maas/nuc1%2Fon", "/maas/MACHINE/on"],
    ["/maas/nuc1/on%00", "there is no action"],
    ["/maas/%2e%2e/api", "there is no machine"],
    ["/maas/nuc1/../../api/v1/machines", "/maas/MACHINE/on"],
    ["http://x/maas/nuc9/on", "did you mean"],
    ["http://x/nuc1/on", "webhooks stand under /maas"],
    ["http://x", "webhooks stand under /maas"],
    ["/MAAS/nuc1/on", "webhooks stand under /maas"],
    ["/maas%2Fnuc1/on", "webhooks stand under /maas"],
    ["/nuc1/on", "webhooks stand under /maas"],
    ["/", "webhooks stand under /maas"],
  ])("answers 422, never 404, to %s", async (path, says) => {
    await using front = new Front();
    front.lab.addMachine("nuc1");
    for (const method of ["GET", "POST"]) {
      const answer = await front.ask(method, path);
      expect(answer).toMatch(/^422 /);
      expect(answer).toContain(says);
    }
    expect(front.lab.commands("nuc1")).toEqual([]);
  });

  test.each([
    "/maas/nuc1/query/",
    "/maas//nuc1/query",
    "/maas/nuc1/query//",
    "/maas/nuc1/query?x=1",
    "/maas/nuc1/query#x",
    "//maas/nuc1/query",
    "http://192.0.2.1:6227/maas/nuc1/query",
    "HTTP://x//maas/nuc1/query",
    "/maas/nuc%31/query",
  ])("takes %s for the same route", async (path) => {
    await using front = new Front();
    front.lab.addMachine("nuc1");
    expect(await front.ask("GET", path)).toBe('200 {"status":"stopped"}');
  });

  test("answers 405 to the wrong method, and switches nothing", async () => {
    await using front = new Front();
    front.lab.addMachine("nuc1");
    expect(await front.ask("GET", "/maas/nuc1/on")).toMatch(/^405 /);
    expect(await front.ask("PUT", "/maas/nuc1/on")).toMatch(/^405 /);
    expect(await front.ask("HEAD", "/maas/nuc1/query")).toMatch(/^405 /);
    expect(await front.ask("POST", "/maas/nuc1/query")).toMatch(/^405 /);
    expect(front.lab.commands("nuc1")).toEqual([]);
  });

  test("lets in only who may see and switch the machine", async () => {
    await using front = new Front();
    front.lab.addMachine("nuc1");
    front.lab.addMachine("pi1");
    expect(await front.ask("GET", "/maas/nuc1/query", { Authorization: "" })).toMatch(/^401 /);
    expect(await front.ask("GET", "/maas/pi2/query", { Authorization: "Bearer nuc-only" })).not.toContain("pi1");
    expect(await front.ask("POST", "/maas/pi1/on", { Authorization: "Bearer nuc-only" })).toMatch(/^422 /);
    expect(await front.ask("POST", "/maas/nuc1/on", { Authorization: "Bearer viewer" })).toMatch(/^403 /);
    expect(await front.ask("GET", "/maas/nuc1/query", { Authorization: "Bearer viewer" })).toMatch(/^200 /);
    expect([...front.lab.commands("nuc1"), ...front.lab.commands("pi1")]).toEqual([]);
  });

  test("remembers who polled, and the system id when it comes", async () => {
    await using front = new Front();
    front.lab.addMachine("nuc1");
    await front.ask("GET", "/maas/nuc1/query", { System_id: "k3hxa7" });
    await front.ask("GET", "/maas/nuc1/query");
    expect(front.sightings.of("nuc1")).toMatchObject({ agent: "MAAS 3.7.3", address: "192.0.2.1", systemId: "k3hxa7" });
  });

  test("says nothing of a state in the bodies of failures, whatever names and devices say", async () => {
    await using front = new Front();
    const talkative = defineDriver({
      ...simulated,
      name: "talkative",
      query: () => Promise.reject(new PowerError("protocol", 'it said {"status":"running"}')),
    });
    const outlet = front.lab.outlet("talk", {}, talkative);
    front.lab.add("talk", {
      query: { kind: "one", outlet },
      stages: { on: [{ outlet, wait: 1_000 }], off: [], cycle: [], reset: [] },
    });
    for (const [method, path] of [
      ["GET", "/maas/status:running/query"],
      ["GET", "/maas/talk/query"],
      ["POST", "/maas/talk/on"],
      ["POST", "/maas/talk/status:running"],
    ] as const) {
      const answer = await front.ask(method, path);
      expect(answer).toMatch(/^[45]\d\d \{"error":.*running/);
      expect(answer).not.toMatch(/status.*:.*running/);
    }
  });

  test.each(["/MAAS/nuc1/on", "/Maas/nuc1/query", "/maas%2Fnuc1/on", "/%6Daas/nuc1/on", "///MAAS"])(
    "answers 422, never 404, to %s from any caller",
    async (path) => {
      await using front = new Front();
      front.lab.addMachine("nuc1");
      expect(await front.ask("POST", path, { "User-Agent": "curl/8" })).toMatch(/^422 .*webhooks stand under \/maas/);
      expect(front.lab.commands("nuc1")).toEqual([]);
    },
  );

  test("answers 422 to OPTIONS of the whole server, and 405 to that of a webhook", async () => {
    await using front = new Front();
    front.lab.addMachine("nuc1");
    expect(await front.ask("OPTIONS", "*")).toMatch(/^422 /);
    expect(await front.ask("OPTIONS", "/maas/nuc1/on")).toMatch(/^405 /);
  });

  test("sends no body to HEAD, and tells its length", async () => {
    await using front = new Front();
    front.lab.addMachine("nuc1");
    const answer = await front.lab.run(
      front.raw("HEAD /maas/nuc1/query HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer all\r\n\r\n"),
    );
    expect(answer).toMatch(/^HTTP\/1\.1 405 .*\r\nAllow: GET\r\n/s);
    expect(answer.endsWith("\r\n\r\n")).toBe(true);
  });

  test.each([
    ["with a length", "Content-Length: 7\r\n\r\non: now"],
    ["in chunks", "Transfer-Encoding: chunked\r\n\r\n7\r\non: now\r\n0\r\n\r\n"],
    ["after 100 Continue", "Expect: 100-continue\r\nContent-Length: 7\r\n\r\non: now"],
    ["that never comes", "Content-Length: 7\r\n\r\n"],
  ])("heeds no body %s", async (_how, rest) => {
    await using front = new Front();
    front.lab.addMachine("nuc1");
    const answer = await front.lab.run(
      front.raw(`POST /maas/nuc1/on HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer all\r\n${rest}`),
    );
    expect(answer).toContain("HTTP/1.1 200 OK");
    expect(answer.endsWith('{"result":"done"}')).toBe(true);
    expect(front.lab.commands("nuc1")).toEqual(["on"]);
  });

  test("answers a caller that would rather speak another protocol in HTTP", async () => {
    await using front = new Front();
    front.lab.addMachine("nuc1");
    const answer = await front.ask("GET", "/maas/nuc1/query", { Connection: "Upgrade", Upgrade: "websocket" });
    expect(answer).toBe('200 {"status":"stopped"}');
  });

  test.each([
    ["no HTTP", "good morning\r\n\r\n", 400],
    ["TLS", "\u0016\u0003\u0001\u0002\u0000\u0001", 400],
    ["an unknown method", "SWITCH /maas/nuc1/on HTTP/1.1\r\nHost: x\r\n\r\n", 400],
    ["a blank in the path", "GET /maas/nuc 1/query HTTP/1.1\r\nHost: x\r\n\r\n", 400],
    ["two lengths", "POST /maas/nuc1/on HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400],
    ["headers without end", `GET /maas/nuc1/query HTTP/1.1\r\nHost: x\r\nX: ${"a".repeat(20_000)}\r\n\r\n`, 431],
  ])("answers %s in one line, switches nothing, and goes on", async (_what, request, status) => {
    await using front = new Front();
    front.lab.addMachine("nuc1");
    const answer = await front.raw(request);
    expect(answer).toMatch(
      new RegExp(
        `^HTTP/1\\.1 ${status} [A-Z].*\\r\\nConnection: close\\r\\n\\r\\n\\{"error":\\{"code":"bad_request",.*\\}\\}$`,
        "s",
      ),
    );
    const [head = "", body = ""] = answer.split("\r\n\r\n");
    expect(head).toContain(`Content-Length: ${body.length}`);
    expect(await front.ask("GET", "/maas/nuc1/query")).toBe('200 {"status":"stopped"}');
    expect(front.lab.commands("nuc1")).toEqual([]);
  });

  test("goes on with the order of a held caller that falls into gibberish", async () => {
    await using front = new Front();
    front.lab.addMachine("nuc1", { boot: "30s" });
    const socket = connect(await front.port(), "127.0.0.1");
    socket.write("POST /maas/nuc1/on HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nAuthorization: Bearer all\r\n\r\n");
    while (front.lab.power.orders().length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    socket.write("good morning\r\n\r\n");
    const answer = Buffer.concat(await socket.toArray()).toString();
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    await front.lab.wait(60_000);
    expect(front.lab.power.machine("nuc1").lastOrder?.state).toBe("done");
  });

  test("answers a fault of ours with 500, tells nothing of it, and the log everything", async () => {
    await using front = new Front();
    front.lab.addMachine("nuc1");
    expect(await front.ask("POST", "/maas/nuc1/on", { Authorization: "Bearer trouble" })).toMatch(
      /^500 \{"error":\{"code":"internal",(?!.*says the fault)/,
    );
    expect(front.faults).toEqual([expect.objectContaining({ message: "status: running, says the fault" })]);
    expect(front.lab.commands("nuc1")).toEqual([]);
  });

  test("speaks HTTP/1.0", async () => {
    await using front = new Front();
    front.lab.addMachine("nuc1");
    const answer = await front.lab.run(front.raw("GET /maas/nuc1/query HTTP/1.0\r\nAuthorization: Bearer all\r\n\r\n"));
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(answer).toContain("Content-Length: 20\r\n");
    expect(answer.endsWith('\r\n\r\n{"status":"stopped"}')).toBe(true);
  });

  test("goes on with the order of a caller that hung up", async () => {
    await using front = new Front();
    front.lab.addMachine("nuc1", { boot: "30s" });
    const socket = connect(await front.port(), "127.0.0.1");
    socket.write("POST /maas/nuc1/on HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nAuthorization: Bearer all\r\n\r\n");
    while (front.lab.power.orders().length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    socket.destroy();
    await front.lab.wait(60_000);
    expect(front.lab.device("nuc1").running).toBe(true);
    expect(front.lab.power.machine("nuc1").lastOrder?.state).toBe("done");
  });

  test("holds nothing for a caller that had hung up when its order was taken", async () => {
    await using front = new Front();
    front.lab.addMachine("nuc1");
    front.recognised = async ({ socket }) => {
      socket.destroy();
      await once(socket, "close");
    };
    await front.ask("POST", "/maas/nuc1/on");
    const { power } = front.lab;
    await until(() => power.machine("nuc1").order !== undefined);
    while (power.machine("nuc1").order) await front.lab.wait(1_000);
    expect(power.machine("nuc1").lastOrder).toMatchObject({ verb: "on", state: "done" });
    expect([front.answered, front.faults]).toEqual([[], []]);
  });

  test("answers held callers with 503 when the daemon stops", async () => {
    await using front = new Front();
    front.lab.addMachine("nuc1", { fault: "stuck" });
    const answer = front.ask("POST", "/maas/nuc1/on");
    await front.lab.wait(5_000);
    front.stopping.abort();
    expect(await answer).toMatch(/^503 .*stopping/);
  });

  test("answers with 409 who was superseded by an opposite order, and by whom", async () => {
    await using front = new Front();
    front.lab.addMachine("nuc1", { boot: "30s" });
    const { done } = front.lab.power.order({ machine: "nuc1", verb: "on", actor: ANNA });
    const maas = front.ask("POST", "/maas/nuc1/on");
    await front.lab.wait(1_000);
    const off = front.lab.power.order({ machine: "nuc1", verb: "off", actor: BERT });
    expect(await maas).toMatch(/^409 .*"superseded".*bert/);
    await expect(done).rejects.toMatchObject({ code: "superseded" });
    await front.lab.run(off.done);
    expect(await front.ask("GET", "/maas/nuc1/query")).toBe('200 {"status":"stopped"}');
  });
});
