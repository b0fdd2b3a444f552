import type { Answer, QueryAnswer } from "./driver.ts";
import { PowerError } from "./errors.ts";

/** Throws PowerError `protocol` where the driver's answer is no state. */
export function uniform(answer: QueryAnswer): Answer {
  const uniform = typeof answer === "string" ? { state: answer } : answer;
  if (uniform?.state !== "on" && uniform?.state !== "off" && uniform?.state !== "unknown") {
    throw new PowerError("protocol", `the driver answered "${String(uniform?.state)}", which is no state`);
  }
  return uniform;
}
