import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { Bench, MqttRun, TASMOTA, TELLS } from "../drivers/mqtt-run.ts";
import { failureOf, until } from "../expecting.ts";
import { TestBroker } from "../simulators/mqtt-broker.ts";

const TLS = join(import.meta.dirname, "../fixtures/tls");
const pem = (name: string) => readFileSync(join(TLS, name), "utf8");
const identity = (name: string) => ({ cert: pem(`${name}.pem`), key: pem(`${name}.key`) });

describe("the broker", () => {
  test("that went and came back is connected to by the next use, with new subscriptions", async () => {
    await using at = await Bench.open("tasmota", { initial: "on" });
    expect(await at.run.query(TASMOTA)).toMatchObject({ state: "on" });
    await at.broker.die();
    await at.broker.revive();
    await at.plug.connected();
    await until(() =>
      at.run.query(TASMOTA).then(
        ({ state }) => state === "on",
        () => false,
      ),
    );
  });

  test("that does not speak MQTT 5 is spoken to in 3.1.1, and not where 5 is demanded", async () => {
    await using broker = await TestBroker.start();
    await using run = await MqttRun.open({ port: broker.port, version: "3.1.1" });
    await run.command("on", TELLS);
    const before = broker.connections;
    expect(await failureOf(MqttRun.open({ port: broker.port, version: "5" }))).toMatchObject({
      code: "protocol",
      hint: expect.stringContaining("version"),
    });
    expect(broker.connections).toBe(before + 1);
  });

  test.each([
    ["a wrong password", { user: "maas", password: "wrong-password" }],
    ["an unknown user", { user: "nobody", password: "right-password" }],
    ["nobody named", {}],
  ])("that refuses %s is told from one that is gone, without the password", async (_what, login) => {
    await using broker = await TestBroker.start({ users: { maas: "right-password" } });
    const failure = await failureOf(MqttRun.open({ port: broker.port, ...login }));
    expect(failure).toMatchObject({ code: "auth", mayHaveActed: false });
    expect(inspect(failure, { depth: 10, showHidden: true })).not.toMatch(/(wrong|right)-password/);
  });

  test("lets in the right user, by the client id that is wanted", async () => {
    await using broker = await TestBroker.start({ users: { maas: "right-password" } });
    const login = { user: "maas", password: "right-password", client_id: "maasochist-rack" };
    await using run = await MqttRun.open({ port: broker.port, ...login });
    await run.command("on", TELLS);
    expect(broker.received.map(({ client }) => client)).toEqual(["maasochist-rack"]);
  });

  test("that forbids to listen on a topic is a refusal that names it", async () => {
    await using at = await Bench.open("tasmota");
    at.broker.forbidden.add("stat/plug1/POWER");
    const failure = await failureOf(at.run.command("on", TASMOTA));
    expect(failure).toMatchObject({
      code: "refused",
      mayHaveActed: false,
      message: expect.stringContaining("stat/plug1/POWER"),
    });
    expect(at.plug.commands).toEqual([]);
  });

  test("that says nothing is not waited for longer than the exchange's time", async () => {
    await using broker = await TestBroker.start();
    await using run = await MqttRun.open({ port: broker.port });
    broker.freeze();
    expect(await failureOf(run.query(TASMOTA, 200))).toMatchObject({ code: "timeout", mayHaveActed: false });
  });

  test("that is no broker is told", async () => {
    const server = createServer((socket) =>
      socket.on("error", () => undefined).end("HTTP/1.1 400 Bad Request\r\n\r\n"),
    );
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" ? address?.port : undefined;
    const failure = await failureOf(MqttRun.open({ port }));
    server.close();
    expect(["protocol", "unreachable"]).toContain(failure.code);
    expect(failure.mayHaveActed).toBe(false);
  });
});

describe("over TLS", () => {
  test("the broker is trusted by its authority, by its fingerprint, or blindly", async () => {
    await using broker = await TestBroker.start({ tls: identity("device") });
    await using alone = await TestBroker.start({ tls: identity("alone") });
    const pin = new X509Certificate(pem("alone.pem")).fingerprint256;
    for (const [port, trust] of [
      [broker.port, { ca: pem("authority.pem") }],
      [alone.port, { pin_sha256: pin }],
      [alone.port, { insecure: true }],
    ] as const) {
      await using run = await MqttRun.open({ port, tls: true, ...trust });
      await run.command("on", TELLS);
    }
    expect([broker.received.length, alone.received.length]).toEqual([1, 2]);
  });

  test.each([
    ["an unknown certificate", "device", {}, "auth"],
    ["one for another name", "alone", { ca: pem("alone.pem") }, "auth"],
    [
      "another than the pinned one",
      "other",
      { pin_sha256: new X509Certificate(pem("device.pem")).fingerprint256 },
      "wrong_device",
    ],
  ])("no password is sent to a broker that shows %s", async (_what, name, trust, code) => {
    await using broker = await TestBroker.start({ tls: identity(name), users: {} });
    const failure = await failureOf(
      MqttRun.open({ port: broker.port, tls: true, user: "maas", password: "hidden-password", ...trust }),
    );
    expect(failure).toMatchObject({ code, mayHaveActed: false });
    expect(broker.logins).toEqual([]);
  });

  test("a broker that speaks none is told from one that is not trusted", async () => {
    await using broker = await TestBroker.start();
    const failure = await failureOf(MqttRun.open({ port: broker.port, tls: true, insecure: true }));
    expect(["protocol", "unreachable"]).toContain(failure.code);
  });

  test("a port that wants TLS is named to who speaks none", async () => {
    await using broker = await TestBroker.start({ tls: identity("device") });
    const failure = await failureOf(MqttRun.open({ port: broker.port }));
    expect(failure).toMatchObject({ code: "unreachable", hint: expect.stringContaining("tls: true") });
  });
});
