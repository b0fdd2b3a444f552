/** Regular expressions of the configuration, in linear time: none can hang the daemon. */

import { createRequire } from "node:module";
import type { RE2JS } from "re2js";
import { messageOf } from "../power/errors.ts";

type Library = { readonly RE2JS: typeof RE2JS };

let library: Library | undefined;

/** Loaded when the first expression is met: it takes 15 ms. */
function re2(): Library["RE2JS"] {
  library ??= createRequire(import.meta.url)("re2js") as Library;
  return library.RE2JS;
}

/** Is the expression found anywhere in the text? Throws where it is no expression; see `regexProblem`. */
export function found(expression: string, text: string): boolean {
  return re2().compile(expression).matcher(text).find();
}

/** What is wrong with an expression; undefined where nothing is. */
export function regexProblem(expression: string | undefined): string | undefined {
  if (expression === undefined) return undefined;
  try {
    re2().compile(expression);
    return undefined;
  } catch (error) {
    return `it is no regular expression: ${messageOf(error)}`;
  }
}
