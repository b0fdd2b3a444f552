/** `npm run bench`, or parts of it (`npm run bench -- requests starts machines batches pages`): figures of the daemon beside a bare node:http server, in one run, interleaved, medians of five. */
import { existsSync } from "node:fs";
import { batches } from "./batches.ts";
import { Daemon, startBare, TOKEN } from "./daemon.ts";
import { type LoadResult, load, request } from "./load.ts";
import { manyMachines } from "./machines.ts";
import { pages } from "./pages.ts";

const ROUNDS = 5;
const SECONDS = Number(process.env["BENCH_SECONDS"] ?? 3);

if (!existsSync("dist/main.js")) throw new Error("build first: npm run build");

interface Figure {
  readonly perSecond: number[];
  readonly p50: number[];
  readonly p99: number[];
  failures: number;
}

const figures = new Map<string, Figure>();

function keep(name: string, result: LoadResult): void {
  const figure = figures.get(name) ?? { perSecond: [], p50: [], p99: [], failures: 0 };
  figure.perSecond.push(result.perSecond);
  figure.p50.push(result.p50);
  figure.p99.push(result.p99);
  figure.failures += result.failures;
  figures.set(name, figure);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function spread(values: readonly number[], digits: number): string {
  return `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)})`;
}

/** The bare server's, and the daemon's. */
function keepBoth(name: string, results: readonly LoadResult[]): void {
  for (const [index, result] of results.entries()) keep(`${name}, ${index === 0 ? "bare" : "daemon"}`, result);
}

/** Of each round, for rounds differ more than the two in one of them. */
function shares(habit: string): number[] {
  const [ours = [], theirs = []] = ["daemon", "bare"].map((who) => figures.get(`query, ${habit}, ${who}`)?.perSecond);
  return ours.map((perSecond, round) => perSecond / (theirs[round] ?? Number.NaN));
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function throughput(): Promise<void> {
  using bare = await startBare();
  await using daemon = await Daemon.start(`  "nuc[1-50]": { driver: simulated, boot: 0s, shutdown: 0s, initial: off }`);
  const machines = Array.from({ length: 50 }, (_, index) => `nuc${index + 1}`);
  const queries = (keepAlive: boolean) =>
    machines.map((name) => request("GET", `/maas/${name}/query`, { token: TOKEN, keepAlive }));
  const switches = machines.flatMap((name) =>
    ["on", "off"].map((verb) => request("POST", `/maas/${name}/${verb}`, { token: TOKEN, keepAlive: false })),
  );
  for (let round = 0; round < ROUNDS; round++) {
    for (const keepAlive of [false, true]) {
      const habit = keepAlive ? "kept alive" : "connection each";
      const common = { requests: queries(keepAlive), keepAlive, connections: 8, durationMs: SECONDS * 1_000 };
      const both = [bare.port, daemon.port];
      keepBoth(`query, ${habit}`, await load(common, both));
      keepBoth(`query, ${habit}, one at a time`, await load({ ...common, connections: 1, durationMs: 1_000 }, both));
    }
    const proven = { requests: switches, keepAlive: false, connections: 1, durationMs: SECONDS * 1_000 };
    for (const result of await load(proven, [daemon.port])) keep("on and off, proven, connection each, daemon", result);
    say(`round ${round + 1} of ${ROUNDS} done`);
  }
  say("\n| what | requests/s: median (least–most) | p50 ms | p99 ms | failures |\n|---|---|---|---|---|");
  for (const [name, { perSecond, p50, p99, failures }] of figures) {
    say(`| ${name} | ${spread(perSecond, 0)} | ${spread(p50, 3)} | ${spread(p99, 2)} | ${failures} |`);
  }
  for (const [habit, goal] of [
    ["connection each", 0.8],
    ["kept alive", 0.5],
  ] as const) {
    const [ourP50, theirP50] = ["daemon", "bare"].map((who) =>
      median(figures.get(`query, ${habit}, one at a time, ${who}`)?.p50 ?? []),
    );
    say(
      `query, ${habit}: ${spread(shares(habit), 2)} of the bare server's in the same round (goal ${goal}); p50 overhead ${((ourP50 ?? Number.NaN) - (theirP50 ?? Number.NaN)).toFixed(3)} ms (goal 0.5)`,
    );
  }
}

/** Every machine has been read once by then, and the garbage of the start is gone (ms). */
const AT_REST_MS = 75_000;

async function starts(): Promise<void> {
  const rows: { readonly count: number; readonly start: number[]; readonly memory: number[] }[] = [];
  for (const count of [10, 1_000, 10_000]) rows.push({ count, start: [], memory: [] });
  for (let round = 0; round < ROUNDS; round++) {
    for (const row of rows) {
      await using daemon = await startWith(row.count);
      row.start.push(daemon.startMs);
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      row.memory.push(daemon.memory());
    }
  }
  const rested = await Promise.all(rows.map(({ count }) => memoryAtRest(count)));
  say(
    "\n| machines | process start to listening, ms: median (least–most) | memory 1.5 s later, MB | memory at rest, 75 s later, MB |\n|---|---|---|---|",
  );
  for (const [index, { count, start, memory }] of rows.entries())
    say(`| ${count} | ${spread(start, 0)} | ${spread(memory, 0)} | ${rested[index]?.toFixed(0)} |`);
  say("goals: 700 ms with a small configuration; 10,000 machines in 2,000 ms and 200 MB");
}

function startWith(count: number): Promise<Daemon> {
  return Daemon.start(`  "nuc[1-${count}]": { driver: simulated, boot: 1s, poll: 1h }`);
}

async function memoryAtRest(count: number): Promise<number> {
  await using daemon = await startWith(count);
  await new Promise((resolve) => setTimeout(resolve, AT_REST_MS));
  return daemon.memory();
}

say(`Node ${process.version}, ${ROUNDS} rounds of ${SECONDS} s`);
const parts = {
  requests: throughput,
  starts,
  machines: () => manyMachines(say),
  batches: () => batches(say),
  pages: () => pages(say),
};
const chosen = process.argv.slice(2);
for (const [name, part] of Object.entries(parts)) if (chosen.length === 0 || chosen.includes(name)) await part();
