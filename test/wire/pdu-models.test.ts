/** Every row of the table of PDUs, against what the vendors' MIBs say and a PDU that is laid out by them. */
import { describe, expect, test } from "vitest";
import driver from "../../src/drivers/snmp-pdu.ts";
import { PowerError } from "../../src/power/errors.ts";
import type { PduModel } from "../../src/wire/pdu-model.ts";
import { modelOf, PDU_MODELS } from "../../src/wire/pdu-models.ts";
import { Connected } from "../drivers/connected.ts";
import { failureOf } from "../expecting.ts";
import { PDU_MIBS } from "../simulators/pdu-mibs.ts";
import { SnmpPdu, type SnmpPduOptions } from "../simulators/snmp-pdu.ts";

const ROWS = Object.entries<PduModel>(PDU_MODELS);
const NAMES = ROWS.map(([name]) => name);

async function open(mib: string, model: string, options: Partial<SnmpPduOptions> = {}) {
  const pdu = await SnmpPdu.start({ mib, ...options });
  const hub = { host: "127.0.0.1", port: pdu.port, write_community: "private", model };
  const connected = await Connected.open(driver, hub);
  return {
    pdu,
    connected,
    async [Symbol.asyncDispose]() {
      await connected[Symbol.asyncDispose]();
      await pdu[Symbol.asyncDispose]();
    },
  };
}

test("every row has a MIB to be tested against, and the reverse", () => {
  expect(Object.keys(PDU_MIBS).sort()).toEqual([...NAMES].sort());
});

describe.each(ROWS)("the row %s", (name, row) => {
  const mib = PDU_MIBS[name];
  if (!mib) throw new Error(`there is no MIB for ${name}`);
  const outlets = Object.keys(mib.outlets);

  test("is found by asking, and switches the outlet that is named and no other", async () => {
    await using at = await open(name, "auto");
    for (const outlet of outlets) {
      await at.connected.command("on", { outlet });
      expect(outlets.filter((other) => at.pdu.machine(other).fed)).toEqual([outlet]);
      await at.connected.command("off", { outlet });
      expect(outlets.filter((other) => at.pdu.machine(other).fed)).toEqual([]);
    }
    expect(at.pdu.commands).toEqual(outlets.flatMap((outlet) => [`outlet ${outlet} on`, `outlet ${outlet} off`]));
  });

  test("tells on from off, and reads what was switched", async () => {
    await using at = await open(name, name);
    for (const outlet of outlets) {
      expect(await at.connected.query({ outlet })).toEqual({ state: "off", evidence: "outlet open" });
      at.pdu.machine(outlet).set("on");
      expect(await at.connected.query({ outlet })).toEqual({ state: "on", evidence: "outlet closed" });
    }
  });

  test("takes each state that the MIB has for what it means", async () => {
    await using at = await open(name, name);
    const told: [string, string | undefined, string | undefined][] = [];
    for (const state of Object.keys(mib.states)) {
      at.pdu.shown.set("1", state);
      const { state: read, towards } = await at.connected.query({ outlet: 1 });
      told.push([state, read, read === "unknown" ? undefined : towards]);
    }
    const { feeding, open: cut, turningOn = [], turningOff = [], unclear = [] } = mib;
    const meant = Object.keys(mib.states).map((state) => {
      if (feeding.includes(state)) return [state, "on", undefined];
      if (cut.includes(state)) return [state, "off", undefined];
      if (turningOn.includes(state)) return [state, "off", "on"];
      if (turningOff.includes(state)) return [state, "on", "off"];
      return unclear.includes(state)
        ? [state, "unknown", undefined]
        : [state, "not said by the table of MIBs", undefined];
    });
    expect(told).toEqual(meant);
  });

  test("takes a value that the MIB does not have for no state", async () => {
    await using at = await open(name, name);
    at.pdu.shown.set("1", 4_711);
    expect(await failureOf(at.connected.query({ outlet: 1 }))).toMatchObject({ code: "protocol" });
  });

  test("lists its outlets by the names that it takes, with their states and labels", async () => {
    await using at = await open(name, name, { initial: "on" });
    const label = (outlet: string) => (mib.name === undefined ? {} : { label: `rack ${outlet}` });
    const listed = await at.connected.list();
    expect(listed).toEqual(
      expect.arrayContaining(outlets.map((outlet) => ({ outlet, state: "on", ...label(outlet) }))),
    );
    expect(listed).toHaveLength(outlets.length);
  });

  test("tells watts where the MIB has them", async () => {
    await using at = await open(name, name, { initial: "on" });
    const told = await at.connected.watts({ outlet: 2 }).catch((error: unknown) => PowerError.from(error).code);
    expect(told).toBe(mib.watts === undefined ? "unsupported" : 25);
  });

  test("names its sources, and is marked where there is but one", () => {
    for (const source of row.sources) expect(new URL(source).protocol).toBe("https:");
    expect(new Set(row.sources).size > 1).toBe(row.confirmed);
  });

  test("shows in the driver's page, and its lack of a second source with it", () => {
    const entry = (driver.notes ?? []).join(" ").split(`**\`${name}\`**: `)[1]?.split("**`")[0];
    expect(entry).toContain(row.title);
    expect(entry?.includes("_one source_")).toBe(!row.confirmed);
  });
});

describe("over all rows,", () => {
  test("no two write to the same object, or say that they are the same device", () => {
    const writes = ROWS.map(([name, { on, off }]) => [name, new Set([on.oid, off.oid])] as const);
    const shared = writes.flatMap(([name, oids]) =>
      writes
        .filter(([other, others]) => other !== name && [...oids].some((oid) => others.has(oid)))
        .map(([other]) => [name, other]),
    );
    expect(shared).toEqual([]);
    const ids = ROWS.flatMap(([, { objectIds }]) => objectIds);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("each outlet stands in each OID once, and below its vendor's number", () => {
    for (const [name, { objectIds, state, on, off, name: label, watts }] of ROWS) {
      const vendor = objectIds[0]?.split(".")[0];
      for (const oid of [state, on.oid, off.oid, label, watts]) {
        if (oid === undefined) continue;
        expect([name, oid.match(/\{outlet\}/g)]).toEqual([name, ["{outlet}"]]);
        expect([name, oid.split(".")[0]]).toEqual([name, vendor]);
      }
    }
  });

  test("on is written otherwise than off", () => {
    for (const [name, { on, off }] of ROWS)
      expect([name, on.oid === off.oid && on.value === off.value]).toEqual([name, false]);
  });
});

describe("the model of a device", () => {
  test.each([
    ["1.3.6.1.4.1.850.1.1.1", "tripplite"],
    ["1.3.6.1.4.1.850.1.1.1.7", "tripplite"],
    ["1.3.6.1.4.1.850.1", "tripplite-12"],
    ["1.3.6.1.4.1.850.1.1.11", "tripplite-12"],
    [".1.3.6.1.4.1.318.1.3.4.6", "apc-rpdu2"],
    ["1.3.6.1.4.1.318.1.3.4.60", undefined],
    ["1.3.6.1.4.1.318.1.3.4.4", undefined],
    ["1.3.6.1.4.1.8072.3.2.10", undefined],
    ["", undefined],
  ])("whose sysObjectID is %j is %s", (id, name) => {
    expect(modelOf(id)).toBe(name);
  });
});
