/** `metrics:` and `log:`, by which others see what the daemon does. */
import { checkNetworks } from "./access.ts";
import type { Problems } from "./problem.ts";
import { LOG, type LogLevel, METRICS } from "./schema.ts";
import { settingsOf } from "./server.ts";
import { type Value, valueAt } from "./value.ts";

export interface MetricsSettings {
  /** Networks (CIDR) and addresses from where metrics are told without a credential. */
  readonly from: readonly string[];
}

export interface LogSettings {
  /** Absent: not said. */
  readonly level?: LogLevel;
}

export function buildMetrics(given: Value | undefined, problems: Problems): MetricsSettings {
  const { from } = settingsOf(METRICS, given, { name: "metrics", problems });
  checkNetworks(valueAt(given, ["from"]), problems);
  return { from };
}

export function buildLog(given: Value | undefined, problems: Problems): LogSettings {
  const { level } = settingsOf(LOG, given, { name: "log", problems });
  return { ...(level !== undefined && { level }) };
}
