/** Failures as JSON, in one form for every route. */
import { z } from "zod";
import { ERROR_CODES } from "../power/errors.ts";
import { ACCESS_ERRORS } from "./access-error.ts";

const CODES = ["bad_request", ...Object.keys(ACCESS_ERRORS), ...ERROR_CODES, "internal"];

export const ERROR_FACTS = z
  .object({
    code: z.enum(CODES).describe("Decide by this, never by the text"),
    message: z.string().describe("What is wrong, and why"),
    hint: z.string().describe("What to do next"),
  })
  .meta({ id: "ErrorFacts" });

export const ERROR = z.object({ error: ERROR_FACTS }).meta({ id: "Error", description: "Why it was not done" });
