/** The part of docs/metrics.md that names every metric. */
import { METRICS } from "../../src/http/metrics.ts";
import { code, table } from "./markdown.ts";

export function metricsTable(): string {
  return table(
    ["metric", "type", "labels", "what it tells"],
    METRICS.map(({ name, type, labels, help }) => [code(name), type, labels.map(code).join(" ") || "–", help]),
  );
}
