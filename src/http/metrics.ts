/**
 * What Prometheus scrapes at `/metrics`. What is counted stands in `tallies.ts` and at the hubs; the rest is looked at when
 * somebody asks. Labels are few by nature: verbs, results and codes from fixed tables, and hubs, of which the first 500 are
 * told one by one and the others as one.
 */
import type { Power } from "../power/api.ts";
import { VERBS } from "../power/driver.ts";
import { type HubFigures, hubFigures } from "./hub-figures.ts";
import { type Family, type MetricType, metricsText, type Sample } from "./metrics-text.ts";
import { PROCESS_METRICS } from "./process-metrics.ts";
import type { Sightings } from "./sightings.ts";
import { ORDER_SECONDS, type Tallies } from "./tallies.ts";

export interface MetricsServices {
  readonly power: Power;
  readonly tallies: Tallies;
  readonly sightings: Sightings;
  readonly version: string;
  /** What is wrong now, by the part that it is wrong with; undefined where nothing is. */
  readonly troubles: () => Readonly<Record<string, string | undefined>>;
  /** Since when the configuration that runs does (ms since 1970). */
  readonly configuredAt: () => number;
  /** Networks (CIDR) and addresses from where nobody needs a credential: the same object while nothing changed. */
  readonly openFrom: () => readonly string[];
}

export interface Metric {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  /** Names of its labels, beside those that its type brings. */
  readonly labels: readonly string[];
  readonly samples: (services: MetricsServices) => Iterable<Sample>;
}

/** Every metric, in the order in which it is told; docs/metrics.md is made from this. */
export const METRICS: readonly Metric[] = [
  {
    name: "maasochist_build_info",
    type: "gauge",
    help: "Always 1; its labels tell the versions of MAASochist and Node.js.",
    labels: ["version", "node"],
    samples: ({ version }) => [{ labels: { version, node: process.versions.node }, value: 1 }],
  },
  {
    name: "maasochist_configuration_loaded_timestamp_seconds",
    type: "gauge",
    help: "Since when the configuration that runs does, in seconds since 1970.",
    labels: [],
    samples: ({ configuredAt }) => [{ value: configuredAt() / 1_000 }],
  },
  {
    name: "maasochist_problem",
    type: "gauge",
    help: "1 where something is wrong with that part now, which makes /readyz fail; else 0.",
    labels: ["part"],
    samples: ({ troubles }) =>
      Object.entries(troubles()).map(([part, trouble]) => ({ labels: { part }, value: trouble === undefined ? 0 : 1 })),
  },
  {
    name: "maasochist_faults_total",
    type: "counter",
    help: "Faults of the program or of a driver that nothing was made for; the log tells each.",
    labels: [],
    samples: ({ tallies }) => [{ value: tallies.faults }],
  },
  {
    name: "maasochist_machines",
    type: "gauge",
    help: "Machines by what they are known to do; error where the newest attempt to read one failed.",
    labels: ["state"],
    samples: ({ power }) => {
      const counts = { on: 0, off: 0, unknown: 0, error: 0 };
      for (const { reading, error } of views(power)) counts[error ? "error" : (reading?.state ?? "unknown")] += 1;
      return Object.entries(counts).map(([state, value]) => ({ labels: { state }, value }));
    },
  },
  {
    name: "maasochist_readings",
    type: "gauge",
    help: "Newest readings by how sure they are; none for machines that were never read.",
    labels: ["confidence"],
    samples: ({ power }) => {
      const counts = { measured: 0, assumed: 0, stale: 0, none: 0 };
      for (const { reading } of views(power)) counts[reading?.confidence ?? "none"] += 1;
      return Object.entries(counts).map(([confidence, value]) => ({ labels: { confidence }, value }));
    },
  },
  {
    name: "maasochist_machines_locked",
    type: "gauge",
    help: "Machines that somebody locked.",
    labels: [],
    samples: ({ power }) => [{ value: views(power).filter(({ lock }) => lock).length }],
  },
  {
    name: "maasochist_machines_disabled",
    type: "gauge",
    help: "Machines that take no orders by the configuration.",
    labels: [],
    samples: ({ power }) => [{ value: views(power).filter(({ spec }) => !spec.enabled).length }],
  },
  {
    name: "maasochist_orders_accepted_total",
    type: "counter",
    help: "Orders that were accepted, by goal; repeats of a click are one.",
    labels: ["verb"],
    samples: ({ tallies }) => VERBS.map((verb) => ({ labels: { verb }, value: tallies.accepted.get(verb) ?? 0 })),
  },
  {
    name: "maasochist_orders_total",
    type: "counter",
    help: "Orders that ended, by goal, result (done, failed, superseded, cut_short) and, where they failed, code.",
    labels: ["verb", "result", "code"],
    samples: ({ tallies }) => tallies.results.map(({ of, count }) => ({ labels: { ...of }, value: count })),
  },
  {
    name: "maasochist_order_duration_seconds",
    type: "histogram",
    help: "From accepting an order to its end, by goal and result.",
    labels: ["verb", "result"],
    samples: ({ tallies }) =>
      tallies.durations.flatMap(({ verb, result, classes, seconds }) => histogram({ verb, result }, classes, seconds)),
  },
  {
    name: "maasochist_orders_running",
    type: "gauge",
    help: "Orders under way, by goal.",
    labels: ["verb"],
    samples: ({ power }) => {
      const orders = power.orders();
      return VERBS.map((verb) => ({ labels: { verb }, value: orders.filter((order) => order.verb === verb).length }));
    },
  },
  {
    name: "maasochist_hub_exchange_duration_seconds",
    type: "summary",
    help: "Exchanges with a hub, from their turn to their end; the quantiles are those of the last 100.",
    labels: ["hub", "driver"],
    samples: ({ power }) =>
      hubFigures(power).flatMap(({ hub, driver, latency, count, durationMs }) => [
        ...(latency
          ? [
              { labels: { hub, driver, quantile: "0.5" }, value: latency.p50 / 1_000 },
              { labels: { hub, driver, quantile: "0.99" }, value: latency.p99 / 1_000 },
            ]
          : []),
        { part: "_sum" as const, labels: { hub, driver }, value: durationMs / 1_000 },
        { part: "_count" as const, labels: { hub, driver }, value: count },
      ]),
  },
  {
    name: "maasochist_hub_exchange_failures_total",
    type: "counter",
    help: "Exchanges with a hub that failed, by code.",
    labels: ["hub", "driver", "code"],
    samples: ({ power }) =>
      hubFigures(power).flatMap(({ hub, driver, failures }) =>
        [...failures].map(([code, value]) => ({ labels: { hub, driver, code }, value })),
      ),
  },
  {
    name: "maasochist_hub_failing",
    type: "gauge",
    help: "1 while every exchange with the hub fails, else 0.",
    labels: ["hub", "driver"],
    samples: ({ power }) => perHub(power, ({ failing }) => (failing ? 1 : 0)),
  },
  {
    name: "maasochist_hub_queue_length",
    type: "gauge",
    help: "Exchanges that wait for their turn at the hub.",
    labels: ["hub", "driver"],
    samples: ({ power }) => perHub(power, ({ queued }) => queued),
  },
  {
    name: "maasochist_hub_exchanges_running",
    type: "gauge",
    help: "Exchanges with the hub that are under way.",
    labels: ["hub", "driver"],
    samples: ({ power }) => perHub(power, ({ running }) => running),
  },
  {
    name: "maasochist_webhook_requests_total",
    type: "counter",
    help: "Requests under /maas, by what they asked for and the status of the answer; other where no action could be told.",
    labels: ["route", "status"],
    samples: ({ tallies }) =>
      Object.entries(tallies.webhooks).flatMap(([route, statuses]) =>
        [...statuses].map(([status, value]) => ({ labels: { route, status: String(status) }, value })),
      ),
  },
  {
    name: "maasochist_maas_last_request_timestamp_seconds",
    type: "gauge",
    help: "When MAAS last asked for any machine, in seconds since 1970; absent before.",
    labels: [],
    samples: ({ power, sightings }) => {
      const last = Math.max(...power.names.map((name) => sightings.of(name)?.at ?? -Infinity));
      return last === -Infinity ? [] : [{ value: last / 1_000 }];
    },
  },
  {
    name: "maasochist_live_streams",
    type: "gauge",
    help: "Streams that are open: of pages (live), and of the journal (events).",
    labels: ["kind"],
    samples: ({ tallies }) => Object.entries(tallies.streams).map(([kind, value]) => ({ labels: { kind }, value })),
  },
  {
    name: "maasochist_journal_failures_total",
    type: "counter",
    help: "Records that could not be written.",
    labels: [],
    samples: ({ tallies }) => [{ value: tallies.journalFailures }],
  },
  ...PROCESS_METRICS,
];

/** What a scrape is answered with. */
export function scrape(services: MetricsServices): string {
  return metricsText(
    METRICS.map(({ name, type, help, samples }): Family => ({ name, type, help, samples: samples(services) })),
  );
}

function views(power: Power) {
  return power.names.map((name) => power.machine(name));
}

function histogram(
  labels: Readonly<Record<string, string>>,
  classes: readonly number[],
  seconds: number,
): readonly Sample[] {
  let count = 0;
  const buckets = classes.map((inClass, index): Sample => {
    count += inClass;
    const bound = ORDER_SECONDS[index];
    return { part: "_bucket", labels: { ...labels, le: bound === undefined ? "+Inf" : String(bound) }, value: count };
  });
  return [...buckets, { part: "_sum", labels, value: seconds }, { part: "_count", labels, value: count }];
}

function perHub(power: Power, value: (figures: HubFigures) => number): readonly Sample[] {
  return hubFigures(power).map((figures) => ({
    labels: { hub: figures.hub, driver: figures.driver },
    value: value(figures),
  }));
}
