/**
 * What the process itself needs, by the names that Prometheus's client libraries agree on
 * (https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics), so that dashboards made for them fit.
 */
import { readdirSync } from "node:fs";
import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import type { Metric } from "./metrics.ts";

/** How often the loop is looked at (ms): often enough to see what people feel, seldom enough to cost nothing. */
const LOOP_RESOLUTION_MS = 20;

let loop: IntervalHistogram | undefined;

/** The delay of the event loop since this was last asked for; watched from the first scrape on. */
function loopDelay(): readonly { readonly at: string; readonly seconds: number }[] {
  if (!loop) {
    loop = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
    loop.enable();
    return [];
  }
  // A timer that is on time is late by its resolution, as this histogram counts.
  const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - LOOP_RESOLUTION_MS / 1_000);
  const found = [
    { at: "p50", seconds: late(loop.percentile(50)) },
    { at: "p99", seconds: late(loop.percentile(99)) },
    { at: "max", seconds: late(loop.max) },
  ];
  const any = loop.count > 0;
  loop.reset();
  return any ? found : [];
}

function openFiles(): number | undefined {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return undefined;
  }
}

export const PROCESS_METRICS: readonly Metric[] = [
  {
    name: "process_cpu_seconds_total",
    type: "counter",
    help: "Processor time of the daemon, in user and system mode.",
    labels: [],
    samples: () => {
      const { user, system } = process.cpuUsage();
      return [{ value: (user + system) / 1e6 }];
    },
  },
  {
    name: "process_start_time_seconds",
    type: "gauge",
    help: "When the process started, in seconds since 1970.",
    labels: [],
    samples: () => [{ value: performance.timeOrigin / 1_000 }],
  },
  {
    name: "process_resident_memory_bytes",
    type: "gauge",
    help: "Memory that the process holds.",
    labels: [],
    samples: () => [{ value: process.memoryUsage.rss() }],
  },
  {
    name: "process_open_fds",
    type: "gauge",
    help: "Open files and sockets; on Linux alone.",
    labels: [],
    samples: () => {
      const open = openFiles();
      return open === undefined ? [] : [{ value: open }];
    },
  },
  {
    name: "nodejs_heap_size_used_bytes",
    type: "gauge",
    help: "JavaScript's heap, as far as it is used.",
    labels: [],
    samples: () => [{ value: process.memoryUsage().heapUsed }],
  },
  {
    name: "nodejs_eventloop_delay_seconds",
    type: "gauge",
    help: "How late the event loop was since the scrape before (p50, p99, max); watched from the first scrape on.",
    labels: ["at"],
    samples: () => loopDelay().map(({ at, seconds }) => ({ labels: { at }, value: seconds })),
  },
];
