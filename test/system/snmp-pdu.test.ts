/** Against net-snmp's snmpd. */
import { expect, test } from "vitest";
import driver from "../../src/drivers/snmp-pdu.ts";
import { HubRun } from "../drivers/hub-run.ts";
import { failureOf } from "../expecting.ts";
import { describeWith, missing } from "./need.ts";
import { READ, Snmpd, USER, WRITE } from "./snmpd.ts";

const OFF = { outlets: Object.fromEntries(Array.from({ length: 24 }, (_, index) => [index + 1, 2])), ports: {} };

const COMMUNITIES = { community: READ, write_community: WRITE };

function hubOf(snmpd: Snmpd, more: object) {
  return { host: "127.0.0.1", port: snmpd.port, ...more };
}

describeWith(missing({ snmpd: "snmpd" }))("snmp-pdu against snmpd", () => {
  test.each([
    ["1", { version: 1, ...COMMUNITIES }],
    ["2c", COMMUNITIES],
    ["3", { version: 3, ...USER }],
  ])("switches, reads and lists by version %s", async (_version, settings) => {
    await using snmpd = await Snmpd.start(OFF);
    await using run = new HubRun(driver, hubOf(snmpd, settings));
    await run.command("on", { outlet: 7 });
    expect((await snmpd.objects()).outlets).toMatchObject({ 6: 2, 7: 1, 8: 2 });
    expect(await run.query({ outlet: 7 })).toMatchObject({ state: "on" });
    await run.command("off", { outlet: 7 });
    expect(await run.query({ outlet: 7 })).toMatchObject({ state: "off" });
    const listed = await run.list();
    expect(listed).toHaveLength(24);
    expect(listed?.[6]).toEqual({ outlet: "7", state: "off", label: "Outlet 7" });
  });

  test("reads 24 outlets and one that is not there together", async () => {
    await using snmpd = await Snmpd.start({ ...OFF, outlets: { ...OFF.outlets, 24: 1 } });
    await using run = new HubRun(driver, hubOf(snmpd, COMMUNITIES));
    const answers = await run.queryAll(Array.from({ length: 25 }, (_, index) => ({ outlet: index + 1 })));
    expect(answers.slice(0, 24).map((answer) => answer.status === "fulfilled" && answer.value.state)).toEqual([
      ...Array(23).fill("off"),
      "on",
    ]);
    expect(answers[24]).toMatchObject({ reason: { code: "not_found" } });
  });

  test("says which device it is", async () => {
    await using snmpd = await Snmpd.start(OFF);
    await using run = new HubRun(driver, hubOf(snmpd, COMMUNITIES));
    expect(await run.identify()).toMatchObject({ id: expect.stringMatching(/^[0-9a-f]{2}(:[0-9a-f]{2})+$/) });
  });

  test.each([
    ["the community for reading alone", { community: READ, model: "apc-rpdu" }, "refused"],
    ["version 1 and that", { version: 1, community: READ, model: "apc-rpdu" }, "refused"],
    ["a wrong community", { community: "wrong", model: "apc-rpdu", wait: "200ms" }, "unreachable"],
    ["an unknown user", { version: 3, ...USER, user: "other", model: "apc-rpdu" }, "auth"],
    ["a wrong password", { version: 3, ...USER, auth: "wrong-password", model: "apc-rpdu" }, "auth"],
    [
      "a wrong password for encryption",
      { version: 3, ...USER, priv: "wrong-password", model: "apc-rpdu", wait: "200ms" },
      "unreachable",
    ],
    ["less protection than is asked for", { version: 3, ...USER, priv: undefined, model: "apc-rpdu" }, "refused"],
  ])("switches nothing with %s, and says why", async (_what, settings, code) => {
    await using snmpd = await Snmpd.start(OFF);
    await using run = new HubRun(driver, hubOf(snmpd, settings));
    const failure = await failureOf(run.command("on", { outlet: 7 }));
    expect(failure).toMatchObject({ code });
    expect(`${failure.message} ${failure.hint}`).not.toMatch(/wrong-password|acts-hidden|auth-password|priv-password/);
    expect((await snmpd.objects()).outlets).toEqual(OFF.outlets);
  });

  test("goes on by version 3 when the agent has started anew meanwhile", async () => {
    await using snmpd = await Snmpd.start(OFF);
    await using run = new HubRun(driver, hubOf(snmpd, { version: 3, ...USER }));
    expect(await run.query({ outlet: 7 })).toMatchObject({ state: "off" });
    await snmpd.end();
    expect(await failureOf(run.query({ outlet: 7 }))).toMatchObject({ code: "unreachable" });
    await snmpd.run();
    await run.command("on", { outlet: 7 });
    expect(await run.query({ outlet: 7 })).toMatchObject({ state: "on" });
    await snmpd.end();
    await snmpd.run();
    await run.command("off", { outlet: 7 });
    expect((await snmpd.objects()).outlets["7"]).toBe(2);
  });
});
