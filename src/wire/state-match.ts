/** A state out of an answer: by regular expressions in linear time, or by what a JSONata expression makes of JSON. */
import { messageOf, PowerError } from "../power/errors.ts";
import { clip } from "./clip.ts";
import { found } from "./regex.ts";

/** Longest an expression may take (ms), and how deep it may nest. */
const EXPRESSION_LIMITS = { timeout: 1_000, stack: 200 };

export type State = "on" | "off" | "unknown";

/** `on` is searched first, as MAAS does. Undefined where neither is found. */
export function matchState(
  text: string,
  { on, off }: { readonly on?: string | undefined; readonly off?: string | undefined },
): "on" | "off" | undefined {
  if (on !== undefined && found(on, text)) return "on";
  if (off !== undefined && found(off, text)) return "off";
  return undefined;
}

/** What a JSONata expression over a JSON answer says. Throws PowerError where it says nothing that is a state. */
export async function evaluateState(body: string, expression: string): Promise<State> {
  let data: unknown;
  try {
    data = JSON.parse(body);
  } catch (cause) {
    throw new PowerError("protocol", `the answer is no JSON: ${clip(body)}`, { cause });
  }
  const { default: jsonata } = await import("jsonata");
  let value: unknown;
  try {
    value = await jsonata(expression, EXPRESSION_LIMITS).evaluate(data);
  } catch (cause) {
    throw new PowerError("config", `the expression fails: ${messageOf(cause)}`, {
      cause,
      hint: "Correct `expression`; it is JSONata.",
    });
  }
  switch (value) {
    case true:
    case 1:
    case "on":
      return "on";
    case false:
    case 0:
    case "off":
      return "off";
    case null:
    case undefined:
    case "unknown":
      return "unknown";
    default:
      throw new PowerError("protocol", `the expression gives ${clip(JSON.stringify(value))}, which is no state`, {
        hint: "It must give true, false, 1, 0, on, off or unknown.",
      });
  }
}
