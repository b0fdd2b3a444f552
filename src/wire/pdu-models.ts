/**
 * PDUs that are switched over SNMP, one row each: where an outlet's state is read, what its values mean, and what is
 * written to switch it. Each value stands in the vendor's MIB, in a program that switches such a PDU, or in both.
 */
import type { OutletState, PduModel } from "./pdu-model.ts";

const ON: OutletState = { state: "on" };
const OFF: OutletState = { state: "off" };
const turningOn = (called: string): OutletState => ({ state: "off", towards: "on", called });
const turningOff = (called: string): OutletState => ({ state: "on", towards: "off", called });
const on = (called: string): OutletState => ({ state: "on", called });
const off = (called: string): OutletState => ({ state: "off", called });
/** Neither: and on in a moment. */
const cycling = (called: string): OutletState => ({ state: "unknown", towards: "on", called });
const unclear = (called: string): OutletState => ({ state: "unknown", called });

const MIBS = "https://github.com/lextudio/mibs.pysnmp.com/blob/master/asn1";
const LIBRENMS = "https://github.com/librenms/librenms/blob/master/mibs";
const NUT = "https://github.com/networkupstools/nut/blob/master/drivers";
const FENCE = "https://github.com/ClusterLabs/fence-agents/blob/main/agents";
const POWERMAN = "https://github.com/chaos/powerman/blob/master/etc/devices";
const LABGRID = "https://github.com/labgrid-project/labgrid/blob/master/labgrid/driver/power";
const IRONIC =
  "https://github.com/openstack/ironic/blob/908d4d35f7a0d473cc9581bdda2535d6920b7d89/ironic/drivers/modules/snmp.py";
const POWERNET = "https://github.com/netdisco/netdisco-mibs/blob/master/apc/powernet.mib";

/** PowerNet-MIB, sPDUOutletCtl. */
const APC_OUTLET = "318.1.1.4.4.2.1.3.{outlet}";
/** PDU-MIB, outletOperationalState. */
const RARITAN_OUTLET = "13742.4.1.2.2.1.3.{outlet}";
/** PDU-MIB (Eaton), the managed ePDU's copy of it. */
const REVELATION_OUTLET = "534.6.6.6.1.2.2.1.3.{outlet}";
const BAYTECH_OUTLET = "4779.1.3.5.3.1.3.{outlet}";
const ATEN_OUTLET = "21317.1.3.2.2.2.2.{outlet}.0";

export const PDU_MODELS = {
  "apc-masterswitch": {
    title: "APC MasterSwitch (AP9211, AP9212 and like), and whatever answers to it",
    objectIds: ["318.1.3.4.1", "318.1.3.4.2"],
    state: APC_OUTLET,
    states: { 1: ON, 2: OFF, 4: unclear("outletUnknown: APC says to cycle the PDU's own power") },
    on: { oid: APC_OUTLET, value: 1 },
    off: { oid: APC_OUTLET, value: 2 },
    name: "318.1.1.4.4.2.1.4.{outlet}",
    sources: [POWERNET, `${FENCE}/apc_snmp/fence_apc_snmp.py`, `${LABGRID}/apc.py`],
    confirmed: true,
  },
  "apc-rpdu": {
    title: "APC Switched Rack PDU, first generation (AP79xx)",
    objectIds: ["318.1.3.4.5"],
    state: "318.1.1.12.3.5.1.1.4.{outlet}",
    states: { 1: ON, 2: OFF },
    on: { oid: "318.1.1.12.3.3.1.1.4.{outlet}", value: 1 },
    off: { oid: "318.1.1.12.3.3.1.1.4.{outlet}", value: 2 },
    name: "318.1.1.12.3.5.1.1.2.{outlet}",
    sources: [POWERNET, `${FENCE}/apc_snmp/fence_apc_snmp.py`],
    confirmed: true,
  },
  "apc-rpdu2": {
    title: "APC Switched Rack PDU, second generation (AP86xx, AP89xx)",
    objectIds: ["318.1.3.4.6"],
    state: "318.1.1.26.9.2.3.1.5.{outlet}",
    states: { 1: OFF, 2: ON },
    on: { oid: "318.1.1.26.9.2.4.1.5.{outlet}", value: 1 },
    off: { oid: "318.1.1.26.9.2.4.1.5.{outlet}", value: 2 },
    name: "318.1.1.26.9.2.3.1.3.{outlet}",
    sources: [POWERNET, `${POWERMAN}/apc8941.dev`],
    confirmed: true,
    note: "Reads 1 as off and takes 1 as on. The outlets of a chain are numbered through.",
  },
  "eaton-marlin": {
    title: "Eaton ePDU, G2 and G3 (EMA, EMI, EMS)",
    objectIds: ["534.6.6.7"],
    state: "534.6.6.7.6.6.1.2.{outlet}",
    states: { 0: OFF, 1: ON, 2: turningOff("pendingOff"), 3: turningOn("pendingOn") },
    // The value is a delay in seconds.
    on: { oid: "534.6.6.7.6.6.1.4.{outlet}", value: 0 },
    off: { oid: "534.6.6.7.6.6.1.3.{outlet}", value: 0 },
    name: "534.6.6.7.6.1.1.3.{outlet}",
    watts: "534.6.6.7.6.5.1.3.{outlet}",
    firstUnit: "0",
    sources: [`${MIBS}/EATON-EPDU-MIB`, `${NUT}/eaton-pdu-marlin-mib.c`, `${LABGRID}/eaton.py`],
    confirmed: true,
    note: 'Units of a chain count from 0: outlet 3 of the second unit is `"1.3"`.',
  },
  "eaton-revelation": {
    title: "Eaton and Powerware managed ePDU (Revelation, Aphel)",
    objectIds: ["534.6.6.6"],
    state: REVELATION_OUTLET,
    states: { [-1]: unclear("error"), 0: OFF, 1: ON, 2: cycling("cycling") },
    on: { oid: REVELATION_OUTLET, value: 1 },
    off: { oid: REVELATION_OUTLET, value: 0 },
    name: "534.6.6.6.1.2.2.1.2.{outlet}",
    index: { of: (printed) => printed - 1, printed: (index) => index + 1 },
    sources: [
      `${MIBS}/EATON-EPDU-MA-MIB`,
      `${FENCE}/eaton_snmp/fence_eaton_snmp.py`,
      `${NUT}/eaton-pdu-revelation-mib.c`,
    ],
    confirmed: true,
    note: "Its table counts from 0; `outlet` is the number that is printed, from 1.",
  },
  "raritan-px": {
    title: "Raritan Dominion PX (PX1)",
    objectIds: ["13742.4"],
    state: RARITAN_OUTLET,
    states: { [-1]: unclear("error"), 0: OFF, 1: ON, 2: cycling("cycling") },
    on: { oid: RARITAN_OUTLET, value: 1 },
    off: { oid: RARITAN_OUTLET, value: 0 },
    name: "13742.4.1.2.2.1.2.{outlet}",
    watts: "13742.4.1.2.2.1.7.{outlet}",
    sources: [`${MIBS}/PDU-MIB`, `${POWERMAN}/raritan-px5523.dev`],
    confirmed: true,
  },
  "raritan-px2": {
    title: "Raritan PX2 and PX3",
    objectIds: ["13742.6"],
    state: "13742.6.4.1.2.1.3.{outlet}",
    states: { [-1]: unclear("unavailable"), 7: ON, 8: OFF },
    on: { oid: "13742.6.4.1.2.1.2.{outlet}", value: 1 },
    off: { oid: "13742.6.4.1.2.1.2.{outlet}", value: 0 },
    name: "13742.6.3.5.3.1.3.{outlet}",
    firstUnit: "1",
    sources: [`${MIBS}/PDU2-MIB`, `${LABGRID}/raritan.py`, `${NUT}/raritan-px2-mib.c`],
    confirmed: true,
    note: 'Outlet 3 of a linked unit 2 is `"2.3"`.',
  },
  cyberpower: {
    title: "CyberPower switched rack PDU",
    objectIds: ["3808"],
    state: "3808.1.1.3.3.5.1.1.4.{outlet}",
    states: { 1: ON, 2: OFF },
    on: { oid: "3808.1.1.3.3.3.1.1.4.{outlet}", value: 1 },
    off: { oid: "3808.1.1.3.3.3.1.1.4.{outlet}", value: 2 },
    name: "3808.1.1.3.3.5.1.1.2.{outlet}",
    watts: "3808.1.1.3.3.5.1.1.8.{outlet}",
    sources: [`${LIBRENMS}/cyberpower/CPS-MIB`, IRONIC],
    confirmed: true,
  },
  sentry3: {
    title: "Server Technology Switched CDU (Sentry3: CW, CX, 4805, firmware 5 to 7)",
    objectIds: ["1718.3"],
    state: "1718.3.2.3.1.5.{outlet}",
    states: {
      0: OFF,
      1: ON,
      2: turningOff("offWait"),
      3: turningOn("onWait"),
      4: unclear("offError: what was ordered is not what is sensed"),
      5: unclear("onError: what was ordered is not what is sensed"),
      6: unclear("noComm"),
      7: unclear("reading"),
      8: unclear("offFuse: a fuse has blown"),
      9: unclear("onFuse: a fuse has blown"),
    },
    on: { oid: "1718.3.2.3.1.11.{outlet}", value: 1 },
    off: { oid: "1718.3.2.3.1.11.{outlet}", value: 2 },
    name: "1718.3.2.3.1.3.{outlet}",
    firstUnit: "1.1",
    sources: [`${MIBS}/Sentry3-MIB`, IRONIC],
    confirmed: true,
    note: 'Counted by tower, infeed and outlet: AA3 is `3`, AB3 is `"1.2.3"`, BA3 is `"2.1.3"`.',
  },
  sentry4: {
    title: "Server Technology PRO1, PRO2 and PRO3X (Sentry4, firmware 8)",
    objectIds: ["1718.4"],
    state: "1718.4.1.8.5.1.1.{outlet}",
    states: {
      0: unclear("notSet"),
      1: on("fixedOn"),
      2: off("idleOff"),
      3: on("idleOn"),
      4: off("wakeOff"),
      5: on("wakeOn"),
      6: off("ocpOff: its overcurrent protector has failed"),
      7: unclear("ocpOn: its overcurrent protector has lost power"),
      8: turningOn("pendOn"),
      9: turningOff("pendOff"),
      10: OFF,
      11: ON,
      12: turningOn("reboot"),
      13: turningOff("shutdown"),
      14: off("lockedOff"),
      15: on("lockedOn"),
      16: off("eventOff"),
      17: on("eventOn"),
      18: cycling("eventReboot"),
      19: turningOff("eventShutdown"),
    },
    on: { oid: "1718.4.1.8.5.1.2.{outlet}", value: 1 },
    off: { oid: "1718.4.1.8.5.1.2.{outlet}", value: 2 },
    name: "1718.4.1.8.2.1.3.{outlet}",
    watts: "1718.4.1.8.3.1.7.{outlet}",
    firstUnit: "1.1",
    sources: [`${MIBS}/Sentry4-MIB`, IRONIC],
    confirmed: true,
    note: 'Counted by unit, cord and outlet: AA3 is `3`, AB3 is `"1.2.3"`, BA3 is `"2.1.3"`. An outlet that an admin locked refuses.',
  },
  geist: {
    title: "Vertiv Geist switched rPDU (NU, and the upgradeable ones)",
    objectIds: ["21239.5"],
    state: "21239.5.2.3.5.1.4.{outlet}",
    states: {
      1: ON,
      2: OFF,
      3: turningOff("on2off"),
      4: turningOn("off2on"),
      5: cycling("rebootOn"),
      6: cycling("rebootOff"),
      7: unclear("unavailable"),
    },
    on: { oid: "21239.5.2.3.5.1.6.{outlet}", value: 2 },
    off: { oid: "21239.5.2.3.5.1.6.{outlet}", value: 4 },
    name: "21239.5.2.3.5.1.3.{outlet}",
    sources: [
      IRONIC,
      "https://github.com/sonic-net/sonic-mgmt/blob/master/tests/common/plugins/pdu_controller/snmp_pdu_controllers.py",
    ],
    confirmed: true,
    note: "`on2off` and `off2on` are told while a delay of its own runs: raise `verify` where that is long.",
  },
  emerson: {
    title: "Emerson and Liebert MPX and MPH2 (Vertiv)",
    objectIds: ["476.1.42"],
    state: "476.1.42.3.8.50.20.1.95.{outlet}",
    states: { 0: unclear("unknown"), 1: OFF, 2: ON, 3: turningOn("off-pending-on-delay") },
    on: { oid: "476.1.42.3.8.50.20.1.100.{outlet}", value: 1 },
    off: { oid: "476.1.42.3.8.50.20.1.100.{outlet}", value: 0 },
    name: "476.1.42.3.8.50.20.1.10.{outlet}",
    watts: "476.1.42.3.8.50.20.1.65.{outlet}",
    firstUnit: "1.1",
    sources: [`${MIBS}/LIEBERT-GP-PDU-MIB`, `${FENCE}/emerson/fence_emerson.py`],
    confirmed: true,
    note: 'Counted by PDU, branch and receptacle: `3` is receptacle 3 of the first branch, `"1.2.3"` of the second.',
  },
  avocent: {
    title: "Avocent and Cyclades PM PDU (PM 1000 to 3000, and those behind an ACS console server)",
    objectIds: ["10418.17.1"],
    state: "10418.17.2.5.5.1.5.{outlet}",
    states: {
      0: unclear("not supported"),
      1: OFF,
      2: ON,
      3: off("offLocked"),
      4: on("onLocked"),
      5: cycling("offCycle"),
      6: turningOff("onPendingOff"),
      7: turningOn("offPendingOn"),
      8: cycling("onPendingCycle"),
      9: unclear("notSet"),
      10: on("onFixed"),
      11: off("offShutdown"),
      12: unclear("tripped"),
    },
    on: { oid: "10418.17.2.5.5.1.6.{outlet}", value: 2 },
    off: { oid: "10418.17.2.5.5.1.6.{outlet}", value: 3 },
    name: "10418.17.2.5.5.1.4.{outlet}",
    firstUnit: "1.1",
    sources: [`${LIBRENMS}/avocent/PM-MIB`, `${NUT}/emerson-avocent-pdu-mib.c`],
    confirmed: true,
    note: 'Counted by serial port, PDU and outlet: outlet 3 of the second PDU is `"1.2.3"`.',
  },
  aten: {
    title: "Aten PE",
    objectIds: ["21317"],
    state: ATEN_OUTLET,
    states: {
      1: OFF,
      2: ON,
      3: unclear("pending"),
      4: cycling("reboot"),
      5: unclear("fault"),
      6: unclear("noauth"),
      7: unclear("not-support"),
      8: unclear("pop: shut off by overload protection"),
    },
    on: { oid: ATEN_OUTLET, value: 2 },
    off: { oid: ATEN_OUTLET, value: 1 },
    // outlet1Status is outlet.2, outlet8Status outlet.9, and outlet9Status outlet.11.
    index: {
      of: (printed) => printed + (printed <= 8 ? 1 : 2),
      printed: (index) => (index < 2 || index === 10 ? undefined : index - (index < 10 ? 1 : 2)),
    },
    sources: [`${MIBS}/ATEN-PE-CFG`],
    confirmed: false,
    note: "Outlet 1 is the table's 2, and outlet 9 its 11, as the vendor's MIB has it; Ironic's driver did not count so.",
  },
  baytech: {
    title: "BayTech RPC and MRP",
    objectIds: ["4779"],
    state: BAYTECH_OUTLET,
    states: {
      [-1]: unclear("error"),
      0: OFF,
      1: ON,
      2: cycling("reboot"),
      3: on("lockon"),
      4: off("lockoff"),
      5: unclear("unlock"),
      6: unclear("unknown"),
    },
    on: { oid: BAYTECH_OUTLET, value: 1 },
    off: { oid: BAYTECH_OUTLET, value: 0 },
    name: "4779.1.3.5.3.1.4.{outlet}",
    firstUnit: "1",
    sources: [`${MIBS}/Baytech-MIB-403-1`, `${NUT}/baytech-mib.c`, `${POWERMAN}/baytech-snmp.dev`],
    confirmed: true,
    note: 'Outlet 3 of the second module is `"2.3"`.',
  },
  tripplite: {
    title: "Tripp Lite with firmware 15 and later (PDU15NETLX and like)",
    objectIds: ["850.1.1.1"],
    state: "850.1.1.3.2.3.3.1.1.4.{outlet}",
    states: { 0: unclear("unknown"), 1: OFF, 2: ON },
    on: { oid: "850.1.1.3.2.3.3.1.1.6.{outlet}", value: 2 },
    off: { oid: "850.1.1.3.2.3.3.1.1.6.{outlet}", value: 1 },
    name: "850.1.1.3.2.3.3.1.1.3.{outlet}",
    watts: "850.1.1.3.2.3.3.1.1.9.{outlet}",
    firstUnit: "1",
    sources: [`${MIBS}/TRIPPLITE-PRODUCTS`, `${FENCE}/apc_snmp/fence_apc_snmp.py`],
    confirmed: true,
  },
  "tripplite-12": {
    title: "Tripp Lite with firmware 12 (PDUMH20HVNET and like)",
    objectIds: ["850.1"],
    state: "850.10.2.3.5.1.2.{outlet}",
    states: { 0: unclear("unknown"), 1: OFF, 2: ON },
    on: { oid: "850.10.2.3.5.1.4.{outlet}", value: 2 },
    off: { oid: "850.10.2.3.5.1.4.{outlet}", value: 1 },
    firstUnit: "1",
    sources: [`${FENCE}/apc_snmp/fence_apc_snmp.py`],
    confirmed: false,
  },
  "hpe-pdu2": {
    title: "HPE Managed and Switched PDU, second generation (G2)",
    objectIds: ["232.165.7"],
    state: "232.165.7.5.2.1.1.{outlet}",
    states: { 1: OFF, 2: ON, 3: turningOff("pendingOff"), 4: turningOn("pendingOn") },
    // The value is a delay in seconds.
    on: { oid: "232.165.7.5.2.1.3.{outlet}", value: 0 },
    off: { oid: "232.165.7.5.2.1.2.{outlet}", value: 0 },
    name: "232.165.7.5.1.1.2.{outlet}",
    watts: "232.165.7.5.1.1.14.{outlet}",
    firstUnit: "0",
    sources: [`${NUT}/hpe-pdu-mib.c`],
    confirmed: false,
    note: "Units of a chain count from 0.",
  },
  "hpe-pdu3": {
    title: "HPE Switched PDU, third generation (G3)",
    objectIds: ["232.165.11"],
    state: "232.165.11.5.2.1.1.{outlet}",
    states: { 1: OFF, 2: ON, 3: turningOff("pendingOff"), 4: turningOn("pendingOn") },
    on: { oid: "232.165.11.5.2.1.3.{outlet}", value: 0 },
    off: { oid: "232.165.11.5.2.1.2.{outlet}", value: 0 },
    name: "232.165.11.5.1.1.2.{outlet}",
    watts: "232.165.11.5.1.1.13.{outlet}",
    firstUnit: "1",
    sources: [`${NUT}/hpe-pdu3-cis-mib.c`],
    confirmed: false,
  },
} as const satisfies Record<string, PduModel>;

export type PduModelName = keyof typeof PDU_MODELS;

/** The row whose beginning of sysObjectID is the longest that fits (with or without the leading dot); undefined where none does. */
export function modelOf(sysObjectId: string): PduModelName | undefined {
  const id = `${sysObjectId.replace(/^\.?1\.3\.6\.1\.4\.1\./, "")}.`;
  const names = Object.keys(PDU_MODELS) as PduModelName[];
  const fitting = names.flatMap((name) =>
    PDU_MODELS[name].objectIds.filter((begin) => id.startsWith(`${begin}.`)).map((begin) => ({ name, begin })),
  );
  return fitting.sort((a, b) => b.begin.length - a.begin.length)[0]?.name;
}
