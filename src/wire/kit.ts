/**
 * What a driver of the user's own is made with: its module exports `(kit) => kit.defineDriver({ … })` and imports nothing
 * of ours, so that there is one zod and one error class however it was installed. See docs/extending.md.
 */
import { z } from "zod";
import { defineDriver } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import { clip } from "./clip.ts";
import * as fields from "./fields.ts";
import { HttpClient, refuseStatus } from "./http.ts";
import { runProgram } from "./process.ts";
import { evaluateState, matchState } from "./state-match.ts";
import { tcpConnect } from "./tcp-connect.ts";

const { fieldFacts: _facts, fieldDescription: _description, ...fieldMakers } = fields;

export const kit = {
  /** Grows when a driver written for an older one would no longer run. */
  contract: 1,
  defineDriver,
  z,
  PowerError,
  /** `host`, `port`, `mac`, `secret`, `text`, `index`, `duration`, `watts`, `flag`, `choice`. */
  ...fieldMakers,
  HttpClient,
  refuseStatus,
  runProgram,
  tcpConnect,
  matchState,
  evaluateState,
  clip,
} as const;

export type Kit = typeof kit;

export type { Driver } from "../power/driver.ts";
export { DRIVER_PROMISES, type DriverPromise, type Fixture, type StartFixture } from "./contract.ts";
