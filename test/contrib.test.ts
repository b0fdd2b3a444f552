/** What is given to be used beside the daemon asks for nothing that there is not. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { MAAS_TOKEN, RunningDaemon, VIEWER_TOKEN } from "./app/running.ts";
import { type Scraped, scraped } from "./scraped.ts";

const CONTRIB = join(import.meta.dirname, "../contrib");

const DATASOURCE = z.strictObject({ type: z.literal("prometheus"), uid: z.string().regex(/^\$\{datasource\}$/) });
const TARGET = z.looseObject({ refId: z.string().regex(/^[A-Z]$/), datasource: DATASOURCE, expr: z.string().min(1) });
const PANEL = z.looseObject({
  id: z.int().positive(),
  type: z.enum(["row", "stat", "timeseries"]),
  title: z.string().min(1),
  gridPos: z.strictObject({
    x: z.int().min(0).max(23),
    y: z.int().min(0),
    w: z.int().min(1).max(24),
    h: z.int().positive(),
  }),
  targets: z.array(TARGET).min(1).optional(),
});
/** As much of Grafana's dashboards (schema version 39) as this one uses. */
const DASHBOARD = z.looseObject({
  uid: z.string().max(40),
  title: z.string(),
  schemaVersion: z.literal(39),
  panels: z.array(PANEL).min(1),
  annotations: z.strictObject({
    list: z.array(z.looseObject({ name: z.string(), datasource: DATASOURCE, expr: z.string() })),
  }),
  templating: z.strictObject({
    list: z.array(
      z.looseObject({ name: z.string(), type: z.enum(["datasource", "query"]), definition: z.string().optional() }),
    ),
  }),
});

const RULE = z.strictObject({
  alert: z.string().regex(/^Maasochist[A-Z]\w+$/),
  expr: z.string(),
  for: z.string().optional(),
  labels: z.strictObject({ severity: z.enum(["critical", "warning"]) }),
  annotations: z.strictObject({ summary: z.string(), description: z.string() }),
});
const RULES = z.strictObject({ groups: z.array(z.strictObject({ name: z.string(), rules: z.array(RULE) })) });

const dashboard = DASHBOARD.parse(JSON.parse(readFileSync(join(CONTRIB, "grafana/maasochist.json"), "utf8")));
const rules = RULES.parse(parse(readFileSync(join(CONTRIB, "prometheus/alerts.yaml"), "utf8"))).groups.flatMap(
  (group) => group.rules,
);

const queries = [
  ...dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({ where: `panel ${title}`, expr })),
  ),
  ...dashboard.annotations.list.map(({ name, expr }) => ({ where: `annotation ${name}`, expr })),
  ...dashboard.templating.list.flatMap(({ name, definition }) =>
    definition === undefined ? [] : [{ where: `variable ${name}`, expr: definition }],
  ),
  ...rules.map(({ alert, expr }) => ({ where: `alert ${alert}`, expr })),
];

/** What every series has from the scrape itself, and what a type brings. */
const GIVEN_LABELS = ["job", "instance", "le", "quantile"];

/** Longest that a daemon may take to start, and an order to fail (ms). */
const STARTED_WITHIN_MS = 60_000;

let scrape: Scraped;

beforeAll(async () => {
  await using running = await RunningDaemon.start(`
machines:
  a: { driver: simulated, boot: 0s, shutdown: 0s }
  b: { driver: tasmota, address: 127.0.0.1, port: 65432, timeout: 300ms }
`);
  await running.ask("/maas/a/on", { token: MAAS_TOKEN, method: "POST" });
  await running.ask("/maas/b/on", { token: MAAS_TOKEN, method: "POST" });
  await running.ask("/metrics", { token: VIEWER_TOKEN });
  await new Promise((resolve) => setTimeout(resolve, 200));
  const { text } = await running.ask("/metrics", { token: VIEWER_TOKEN });
  scrape = scraped(text);
}, STARTED_WITHIN_MS);

/** Names of series in a query, each with the labels that its selector names. */
function seriesIn(expr: string): { readonly name: string; readonly labels: readonly string[] }[] {
  return [...expr.matchAll(/\b((?:maasochist|process|nodejs)_\w+|up)\b(?:\{([^}]*)\})?/g)].map(
    ([, name = "", selector = ""]) => ({
      name,
      labels: [...selector.matchAll(/(\w+)(?:=~|!=|!~|=)"/g)].map(([, label = ""]) => label),
    }),
  );
}

function labelsOf(name: string): Set<string> {
  const keys = [...scrape.samples.keys()].filter((key) => key === name || key.startsWith(`${name}{`));
  return new Set([
    ...GIVEN_LABELS,
    ...keys.flatMap((key) => [...key.matchAll(/(\w+)="/g)].map(([, label = ""]) => label)),
  ]);
}

describe("the dashboard for Grafana and the rules for Prometheus", () => {
  test.each(queries)("$where asks for series that a scrape has", ({ expr }) => {
    const series = seriesIn(expr);
    expect(series.length).toBeGreaterThan(0);
    for (const { name, labels } of series) {
      // The scrape's own; and what is absent before MAAS asked for the first time.
      if (name === "up" || name === "maasochist_maas_last_request_timestamp_seconds") continue;
      const known = labelsOf(name);
      expect([...scrape.samples.keys()].map((key) => key.replace(/\{.*/, ""))).toContain(name);
      const grouped = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, names = ""]) => names.split(/,\s*/));
      expect([...labels, ...grouped].filter((label) => !known.has(label))).toEqual([]);
    }
  });

  test("counters are looked at by their growth, and by nothing else", () => {
    for (const { expr } of queries) {
      for (const [, before = "", name = ""] of expr.matchAll(/(\w+\()?\b((?:maasochist|process)_\w+_total)\b/g))
        expect(`${before}${name}`).toMatch(/^(rate|increase)\(/);
    }
  });

  test("every metric is looked at somewhere", () => {
    const seen = new Set(
      queries.flatMap(({ expr }) => seriesIn(expr).map(({ name }) => name.replace(/_(bucket|sum|count)$/, ""))),
    );
    expect([...scrape.types.keys()].filter((name) => !seen.has(name))).toEqual([]);
  });

  test("the dashboard's panels have numbers of their own, and none lies on another", () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, index) => `${x + (index % w)} ${y + Math.floor(index / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(dashboard.panels.every(({ gridPos: { x, w } }) => x + w <= 24)).toBe(true);
  });

  test("what alerts say names only labels that their series have", () => {
    for (const { expr, annotations } of rules) {
      const said = Object.values(annotations).join(" ");
      const named = [...said.matchAll(/\$labels\.(\w+)/g)].map(([, label = ""]) => label);
      const [, grouped] = /^(?:sum|histogram_quantile\([\d.]+, sum) by \(([^)]*)\)/.exec(expr) ?? [];
      const [series] = seriesIn(expr);
      const known = grouped === undefined ? [...labelsOf(series?.name ?? ""), ...GIVEN_LABELS] : grouped.split(/,\s*/);
      expect(named.filter((label) => !known.includes(label))).toEqual([]);
    }
  });
});
