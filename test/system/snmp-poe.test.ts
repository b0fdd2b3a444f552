/** Against net-snmp's snmpd. */
import { expect, test } from "vitest";
import driver from "../../src/drivers/snmp-poe.ts";
import { HubRun } from "../drivers/hub-run.ts";
import { failureOf } from "../expecting.ts";
import { describeWith, missing } from "./need.ts";
import { READ, Snmpd, USER, WRITE } from "./snmpd.ts";

const OFF = { outlets: {}, ports: Object.fromEntries(Array.from({ length: 48 }, (_, index) => [index + 1, 2])) };

describeWith(missing({ snmpd: "snmpd" }))("snmp-poe against snmpd", () => {
  test.each([
    ["1", { version: 1, community: READ, write_community: WRITE }],
    ["2c", { community: READ, write_community: WRITE }],
    ["3", { version: 3, ...USER }],
  ])("switches, reads and lists by version %s", async (_version, settings) => {
    await using snmpd = await Snmpd.start(OFF);
    await using run = new HubRun(driver, { host: "127.0.0.1", port: snmpd.port, ...settings });
    await run.command("on", { outlet: "48" });
    expect((await snmpd.objects()).ports).toMatchObject({ 47: 2, 48: 1 });
    const answers = await run.queryAll(Object.keys(OFF.ports).map((outlet) => ({ outlet })));
    expect(answers.map((answer) => answer.status === "fulfilled" && answer.value.state)).toEqual([
      ...Array(47).fill("off"),
      "on",
    ]);
    await run.command("off", { outlet: 48 });
    expect((await snmpd.objects()).ports["48"]).toBe(2);
    expect(await run.list()).toHaveLength(48);
    expect(await failureOf(run.query({ outlet: "2.1" }))).toMatchObject({ code: "not_found" });
  });
});
