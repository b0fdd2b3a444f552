import type { ApiServices } from "./api-services.ts";
import type { DaemonStatus } from "./shapes.ts";

/** As a caller may know it: warnings tell of machines, and of files that tell of machines; certificates of files too. */
export function statusFor(
  { power, status }: Pick<ApiServices, "power" | "status">,
  sees: (machine: string) => boolean,
): DaemonStatus {
  const machines = power.names.filter(sees).length;
  const whole = status();
  if (machines === power.names.length) return whole;
  const { certificates: _, ...rest } = whole;
  return { ...rest, machines, warnings: [], configuration: null };
}
