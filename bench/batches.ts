/**
 * Many machines of one device asked at once, beside asking them one by one in the same run. Exchanges are counted at the
 * device, simulated in this process.
 */
import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { SimulatedProxmox } from "../test/simulators/proxmox.ts";
import { SnmpPdu } from "../test/simulators/snmp-pdu.ts";
import { Daemon, TOKEN } from "./daemon.ts";
import { request } from "./load.ts";

const ROUNDS = 5;
const OUTLETS = 24;
const GUESTS = 500;
/** The least that Proxmox gives to a guest. */
const FIRST_GUEST = 100;
/** Longer than a reading is fresh, and than a tick of the poller (ms). */
const QUIET_MS = 1_500;

export async function batches(say: (line: string) => void): Promise<void> {
  say("\n| what is asked | exchanges, all at once: median (least–most) | one by one | failures |\n|---|---|---|---|");
  await pdu(say);
  await proxmox(say);
  say("goal: one exchange");
}

async function pdu(say: (line: string) => void): Promise<void> {
  const numbers = Array.from({ length: OUTLETS }, (_, index) => index + 1);
  const outlets = Object.fromEntries(numbers.map((number) => [number, String(number)]));
  await using device = await SnmpPdu.start({ mib: "apc-masterswitch", outlets });
  const hub = `{ driver: snmp-pdu, host: 127.0.0.1, port: ${device.port}, write_community: private }`;
  const exchanges = () => device.agent.datagrams;
  say(await measured({ what: `${OUTLETS} outlets of one PDU`, outlets: numbers, hub, exchanges }));
}

async function proxmox(say: (line: string) => void): Promise<void> {
  const ids = Array.from({ length: GUESTS }, (_, index) => FIRST_GUEST + index);
  await using device = await SimulatedProxmox.start({
    guests: Object.fromEntries(ids.map((id) => [id, { runs: true }])),
  });
  const { host, port, user, token } = device.hub;
  const hub = `{ driver: proxmox, host: ${host}, port: ${port}, user: "${user}", token: ${token}, insecure: true }`;
  const exchanges = () => device.requests.length;
  say(await measured({ what: `${GUESTS} machines on one Proxmox host`, outlets: ids, hub, exchanges }));
}

interface Measured {
  readonly what: string;
  readonly outlets: readonly number[];
  readonly hub: string;
  /** How many the device has seen. */
  readonly exchanges: () => number;
}

/** A row of the table. */
async function measured({ what, outlets, hub, exchanges }: Measured): Promise<string> {
  const machines = outlets.map((outlet) => `  m${outlet}: { hub: device, outlet: ${outlet}, poll: 1h }`);
  await using daemon = await Daemon.start(machines.join("\n"), { more: `hubs: { device: ${hub} }` });
  const paths = outlets.map((outlet) => `/maas/m${outlet}/query`);
  let failures = 0;
  const count = async (asking: () => Promise<readonly boolean[]>): Promise<number> => {
    await quiet(exchanges);
    const before = exchanges();
    failures += (await asking()).filter((answered) => !answered).length;
    return exchanges() - before;
  };
  const together: number[] = [];
  for (let round = 0; round < ROUNDS; round++) together.push(await count(() => askTogether(daemon, paths)));
  const alone = await count(() => askInTurn(daemon, paths));
  const [least, median, most] = [0, Math.floor(ROUNDS / 2), -1].map((at) => together.toSorted((a, b) => a - b).at(at));
  return `| ${what} | ${median} (${least}–${most}) | ${alone} | ${failures} |`;
}

/** Over connections that are open before, so that it is the questions that come at once. */
async function askTogether({ port }: Daemon, paths: readonly string[]): Promise<readonly boolean[]> {
  const asked = await Promise.all(paths.map(async (path) => ({ path, socket: await open(port) })));
  return Promise.all(asked.map(({ path, socket }) => answers(socket, path)));
}

async function askInTurn({ port }: Daemon, paths: readonly string[]): Promise<readonly boolean[]> {
  const answered: boolean[] = [];
  for (const path of paths) answered.push(await answers(await open(port), path));
  return answered;
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true }, () => resolve(socket));
    socket.once("error", reject);
  });
}

async function answers(socket: Socket, path: string): Promise<boolean> {
  socket.write(request("GET", path, { token: TOKEN, keepAlive: false }));
  const answer = Buffer.concat((await socket.toArray()) as Buffer[]).toString();
  return answer.startsWith("HTTP/1.1 200");
}

/** Resolves when nothing asks the device any more: first contact and polls are over, and what was read is no longer fresh. */
async function quiet(exchanges: () => number): Promise<void> {
  for (let seen = -1; seen !== exchanges(); ) {
    seen = exchanges();
    await pause(QUIET_MS);
  }
}
