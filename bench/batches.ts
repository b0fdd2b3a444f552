/**
 * Many machines of one device asked at once, beside asking them one by one in the same run. Exchanges are counted at the
 * device, simulated in this process.
 */
import { setTimeout as pause } from "node:timers/promises";
import { SimulatedProxmox } from "../test/simulators/proxmox.ts";
import { SnmpPdu } from "../test/simulators/snmp-pdu.ts";
import { Daemon } from "./daemon.ts";
import { ask, failed } from "./machines.ts";

const OUTLETS = 24;
const GUESTS = 500;
/** Longer than a reading is fresh, and than a tick of the poller (ms). */
const QUIET_MS = 1_500;

export async function batches(say: (line: string) => void): Promise<void> {
  say("");
  await pdu(say);
  await proxmox(say);
}

async function pdu(say: (line: string) => void): Promise<void> {
  const numbers = Array.from({ length: OUTLETS }, (_, index) => String(index + 1));
  const outlets = Object.fromEntries(numbers.map((number) => [number, number]));
  await using device = await SnmpPdu.start({ mib: "apc-masterswitch", outlets });
  const hub = `{ driver: snmp-pdu, host: 127.0.0.1, port: ${device.port}, write_community: private }`;
  await measure(
    { what: `${OUTLETS} outlets of one PDU`, count: OUTLETS, hub, exchanges: () => device.agent.datagrams },
    say,
  );
}

async function proxmox(say: (line: string) => void): Promise<void> {
  const guests = Object.fromEntries(Array.from({ length: GUESTS }, (_, index) => [index + 1, { runs: true }]));
  await using device = await SimulatedProxmox.start({ guests });
  const { host, port, user, token } = device.hub;
  const hub = `{ driver: proxmox, host: ${host}, port: ${port}, user: "${user}", token: ${token}, insecure: true }`;
  await measure(
    { what: `${GUESTS} machines on one Proxmox host`, count: GUESTS, hub, exchanges: () => device.requests.length },
    say,
  );
}

interface Measured {
  readonly what: string;
  /** Their outlets are counted from 1. */
  readonly count: number;
  readonly hub: string;
  /** How many the device has seen. */
  readonly exchanges: () => number;
}

async function measure({ what, count, hub, exchanges }: Measured, say: (line: string) => void): Promise<void> {
  await using daemon = await Daemon.start(`  "m[1-${count}]": { hub: device, outlet: "{n}", poll: 1h }`, {
    more: `hubs: { device: ${hub} }`,
  });
  const paths = Array.from({ length: count }, (_, index) => `/maas/m${index + 1}/query`);
  await quiet(exchanges);
  const before = exchanges();
  const together = await Promise.all(paths.map((path) => ask(daemon, "GET", path)));
  const atOnce = exchanges() - before;
  await pause(QUIET_MS);
  const between = exchanges();
  const alone: number[] = [];
  for (const path of paths) alone.push(await ask(daemon, "GET", path));
  const oneByOne = exchanges() - between;
  say(
    `query of ${what}: ${atOnce} exchange${atOnce === 1 ? "" : "s"} at once (goal 1), ${oneByOne} one by one, ${failed([...together, ...alone])} failures`,
  );
}

/** Resolves when first contact and first poll are over. */
async function quiet(exchanges: () => number): Promise<void> {
  for (let seen = -1; seen !== exchanges(); ) {
    seen = exchanges();
    await pause(QUIET_MS);
  }
}
