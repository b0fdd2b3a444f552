/** What a driver's `check` finds wrong with its settings. */
import type { Driver } from "../power/driver.ts";

export type Finding = ReturnType<NonNullable<Driver["check"]>>[number];

/** A setting that cannot be right. */
export function mistake(key: string, problem: string): Finding {
  return { key, problem, severity: "error" };
}
