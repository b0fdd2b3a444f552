import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import driver from "../../src/drivers/mqtt.ts";
import { capabilities, cutsOf } from "../../src/power/driver.ts";
import { TASMOTA, TELLS } from "./mqtt-run.ts";

const pem = readFileSync(join(import.meta.dirname, "../fixtures/tls/authority.pem"), "utf8");

function findings(outlet: object, hub: object = {}): readonly string[] {
  const found = driver.check?.(driver.outlet.parse(outlet), driver.hub?.parse({ host: "broker", ...hub })) ?? [];
  return found.map(({ key, problem }) => `${key}: ${problem}`);
}

describe("settings of a device", () => {
  test.each([
    [TASMOTA],
    [TELLS],
    [{ ...TASMOTA, base: "home/%topic%/%prefix%/", outlet: "plug1#2" }],
    [{ preset: "homeassistant", outlet: "input_boolean.rack" }],
    [{ state: "rack/4", on_regex: "closed", off_regex: "open", max_age: "1h" }],
    [{ ...TASMOTA, state: "tele/plug1/STATE", property: "POWER" }],
    [{ ...TASMOTA, state: "tele/plug1/STATE", expression: "POWER" }],
  ])("%j are right", (outlet) => {
    expect(findings(outlet)).toEqual([]);
  });

  test.each([
    [{}, /^publish: nothing to send and nothing to hear/],
    [{ preset: "tasmota" }, /^outlet: is missing/],
    [{ ...TELLS, base: "rack" }, /^base: is for a `preset`/],
    [{ ...TASMOTA, base: "home/plug1" }, /^base: is the FullTopic/],
    [{ preset: "esphome", outlet: "plug1" }, /^outlet: names no switch/],
    [{ preset: "homeassistant", outlet: "rack plug" }, /^outlet: is the id of an entity/],
    [{ state: "rack/4" }, /^state: needs `values`/],
    [{ ...TELLS, expression: "led" }, /^expression: only one of/],
    [{ ...TELLS, on_regex: "on", off_regex: "off" }, /^on_regex: only one of/],
    [{ state: "rack/4", expression: "led = " }, /^expression: it is no JSONata/],
    [{ state: "rack/4", on_regex: "on" }, /^on_regex: needs `off_regex`/],
    [{ ...TELLS, values: { on: "on", off: "ON" } }, /^values: on and off are the same/],
    [{ publish: { query: { topic: "rack/4/get" } } }, /^publish: asks for the state/],
    [{ ...TELLS, reply: "rack/4/pong" }, /^reply: answers nothing/],
    [{ ...TELLS, publish: { on: { topic: "rack/4", payload: "1" } } }, /^publish: rack\/4 is also listened to/],
    [{ ...TASMOTA, max_age: "1h" }, /^max_age: has no effect/],
  ])("%j are not", (outlet, problem) => {
    expect(findings(outlet)).toEqual([expect.stringMatching(problem)]);
  });

  test.each([["rack/+/set"], ["rack/#"], [""]])("with the topic %j are not taken", (topic) => {
    expect(driver.outlet.safeParse({ ...TELLS, state: topic }).success).toBe(false);
    expect(driver.outlet.safeParse({ ...TASMOTA, outlet: topic }).success).toBe(false);
  });
});

describe("settings of a broker", () => {
  test.each([
    [{}],
    [{ user: "maas", password: "x", tls: true, ca: pem }],
    [{ tls: true, cert: pem, key: "key", insecure: true }],
  ])("%j are right", (hub) => {
    expect(findings(TASMOTA, hub)).toEqual([]);
  });

  test.each([
    [{ password: "x" }, /^password: needs `user`/],
    [{ ca: pem }, /^ca: needs `tls: true`/],
    [{ tls: true, cert: pem }, /^cert: `cert` and `key` go together/],
    [{ tls: true, key: "x" }, /^key: `cert` and `key` go together/],
    [{ tls: true, ca: pem, insecure: true }, /^insecure: `ca` and `insecure` exclude each other/],
    [{ tls: true, ca: "no certificate" }, /^ca: is no certificate in PEM form/],
  ])("%j are not", (hub, problem) => {
    expect(findings(TASMOTA, hub)).toEqual([expect.stringMatching(problem)]);
  });
});

test("what can be done follows from the settings", () => {
  const can = (outlet: object) => [...capabilities(driver, driver.outlet.parse(outlet))].sort();
  expect(can(TASMOTA)).toEqual(["hard", "off", "on", "query"]);
  expect(can({ ...TASMOTA, power: "power" })).toEqual(["hard", "off", "on", "query", "watts"]);
  expect(can(TELLS)).toEqual(["on", "query"]);
  expect(can({ publish: { reset: { topic: "rack/4" } } })).toEqual(["reset"]);
});

test("a preset is a plug, and whatever else is described is not known to be one", () => {
  const cuts = (outlet: object) => cutsOf(driver, driver.outlet.parse(outlet));
  expect([cuts(TASMOTA), cuts(TELLS), cuts({ ...TASMOTA, cuts: "button" })]).toEqual(["mains", "unknown", "button"]);
});
