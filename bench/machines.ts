/**
 * Many machines at once, on hubs that take 20 ms for each exchange and work on one at a time; exchanges are counted at the
 * devices, which run in a process of their own.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { freePorts, RACK_DRIVER, Rack } from "../test/rack/rack.ts";
import { Daemon, type Server, startBare, TOKEN } from "./daemon.ts";

const HUBS = 42;
const OUTLETS = 24;
const MACHINES = 1_000;
/** MAAS asks for each machine every five minutes (ms). */
const POLL_MS = 300_000;
const POLLED = 10_000;
/** As long as the daemon takes to read each of them itself. */
const POLLED_FOR_MS = 30_000;
const ROUNDS = 3;
/** By then every machine has been read, and what the start left behind is collected. */
const SETTLED_MS = 80_000;
/** Clock ticks of the kernel in a second (sysconf(_SC_CLK_TCK)). */
const TICKS = 100;

export async function manyMachines(say: (line: string) => void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "maasochist-rack-"));
  try {
    await onAtOnce(folder, say);
    await polled(say);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function onAtOnce(folder: string, say: (line: string) => void): Promise<void> {
  const firstPort = await freePorts(HUBS);
  await using rack = await Rack.start(folder, {
    hubs: HUBS,
    outlets: OUTLETS,
    firstPort,
    latencyMs: 20,
    bootMs: 2_000,
    shutdownMs: 200,
  });
  const hubs = Array.from(
    { length: HUBS },
    (_, hub) => `  rack${hub}: { driver: rack, host: 127.0.0.1, port: ${firstPort + hub} }`,
  );
  const machines = Array.from(
    { length: MACHINES },
    (_, machine) => `  m${machine}: { hub: rack${machine % HUBS}, outlet: ${Math.floor(machine / HUBS)}, poll: 1h }`,
  );
  await using daemon = await Daemon.start(machines.join("\n"), {
    more: `drivers: [${RACK_DRIVER}]\nhubs:\n${hubs.join("\n")}`,
    watchLoop: true,
  });
  const names = Array.from({ length: MACHINES }, (_, machine) => `m${machine}`);
  // Every connection is open before anything is measured.
  await Promise.all(names.map((name) => ask(daemon, "GET", `/maas/${name}/query`)));
  await pause(1_500);
  await daemon.loopDelay();

  const before = sum(await rack.exchanges());
  const answers = await Promise.all(names.map((name) => ask(daemon, "GET", `/maas/${name}/query`)));
  const forAll = sum(await rack.exchanges()) - before;
  say(
    `\nquery of ${MACHINES} machines on ${HUBS} hubs: ${forAll} exchanges (goal ${HUBS}), ${failed(answers)} failures`,
  );

  const begun = performance.now();
  const switched = await Promise.all(names.map((name) => ask(daemon, "POST", `/maas/${name}/on`)));
  const seconds = (performance.now() - begun) / 1_000;
  const exchanges = sum(await rack.exchanges()) - before - forAll;
  say(
    `${MACHINES} machines told on at once, each booting 2 s, all proven in ${seconds.toFixed(2)} s (goal 5) by ${exchanges} exchanges of 20 ms, ${failed(switched)} failures; event loop delay p99 ${(await daemon.loopDelay()).toFixed(1)} ms (goal 50)`,
  );
}

async function polled(say: (line: string) => void): Promise<void> {
  const machines = (poll: string) => `  "m[1-${POLLED}]": { driver: simulated, boot: 0s, poll: ${poll} }`;
  {
    await using patient = await Daemon.start(machines("1h"));
    using bare = await startBare();
    const [ofDaemon, ofBare] = await sharesWhilePolled([patient, bare]);
    say(`${POLLED} machines asked for every 5 minutes by MAAS: ${ofDaemon} (goal 5); of the bare server: ${ofBare}`);
  }
  await using watchful = await Daemon.start(machines("30s"));
  const [share] = await sharesWhilePolled([watchful]);
  say(`${POLLED} machines asked for every 5 minutes by MAAS, and every 30 s by the daemon itself: ${share}`);
}

/** Of each server in turn, several times: median, with the least and the most. */
async function sharesWhilePolled(servers: readonly Server[]): Promise<string[]> {
  const all = servers.map((server) => ({ server, shares: [] as number[] }));
  // What MAAS asks in its first five minutes, so that what is measured is what goes on for months.
  for (const { server } of all)
    for (let machine = 1; machine <= POLLED; machine++) await ask(server, "GET", `/maas/m${machine}/query`);
  await pause(SETTLED_MS);
  for (let round = 0; round < ROUNDS; round++)
    for (const { server, shares } of all) shares.push(await busyWhilePolled(server));
  return all.map(({ shares }) => {
    const [least, median, most] = shares.toSorted((x, y) => x - y).map((share) => (share * 100).toFixed(1));
    return `${median} (${least}–${most}) % of a core`;
  });
}

/** Of a core, by a server that is asked as MAAS asks for all the machines. */
async function busyWhilePolled(server: Server): Promise<number> {
  const began = server.cpuTicks();
  const end = performance.now() + POLLED_FOR_MS;
  for (let asked = 1; performance.now() < end; asked += 1) {
    void ask(server, "GET", `/maas/m${(asked % POLLED) + 1}/query`);
    await pause(POLL_MS / POLLED);
  }
  return (server.cpuTicks() - began) / TICKS / (POLLED_FOR_MS / 1_000);
}

/** Its status; 0 where the connection failed. */
function ask({ port }: Pick<Server, "port">, method: string, path: string): Promise<number> {
  return new Promise((resolve) => {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const asked = request({ host: "127.0.0.1", port, method, path, headers, agent: false }, (response) => {
      response.resume().on("close", () => resolve(response.complete ? (response.statusCode ?? 0) : 0));
    });
    asked.on("error", () => resolve(0)).end();
  });
}

function failed(statuses: readonly number[]): number {
  return statuses.filter((status) => status !== 200).length;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
