/**
 * Prometheus's text format, version 0.0.4: what a scrape answers.
 *
 *     # HELP maasochist_machines_locked Machines that somebody locked.
 *     # TYPE maasochist_machines_locked gauge
 *     maasochist_machines_locked 2
 *
 * https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */

export type MetricType = "counter" | "gauge" | "histogram" | "summary";

export interface Sample {
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>>;
  /** What the name of a histogram's or summary's sample ends with. */
  readonly part?: "_bucket" | "_sum" | "_count";
}

/** A metric and its samples as they are now. */
export interface Family {
  readonly name: string;
  readonly type: MetricType;
  /** One sentence, for people. */
  readonly help: string;
  readonly samples: Iterable<Sample>;
}

export const METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export function metricsText(families: Iterable<Family>): string {
  const lines: string[] = [];
  for (const { name, type, help, samples } of families) {
    lines.push(`# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}`, `# TYPE ${name} ${type}`);
    for (const { part = "", labels = {}, value } of samples)
      lines.push(`${name}${part}${labelsText(labels)} ${number(value)}`);
  }
  return `${lines.join("\n")}\n`;
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function number(value: number): string {
  if (value === Infinity) return "+Inf";
  if (value === -Infinity) return "-Inf";
  return String(value);
}
