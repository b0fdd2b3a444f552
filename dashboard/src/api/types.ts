/** What the API answers: the daemon's own types, and what of it has none. Times are ms since 1970, durations ms. */
import type { z } from "zod";
import type { MAAS_FIELDS } from "../../../src/http/shapes.ts";
import type { OrderRecord, Role } from "../../../src/power/order.ts";

export type {
  ConfigurationShape as Configuration,
  DriverShape as Driver,
  ProblemShape as Problem,
  ReloadShape as Reload,
  TryShape as Tried,
} from "../../../src/http/configuration-shapes.ts";
export type {
  DaemonStatus,
  HubShape as Hub,
  MachineDetails,
  MachineShape as Machine,
} from "../../../src/http/shapes.ts";
export type { ListedOutlet, Verb } from "../../../src/power/driver.ts";
export type { OrderRecord, Step } from "../../../src/power/order.ts";
export type { Reading } from "../../../src/power/reading.ts";

/** What failed, and what to do about it. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

export interface Session {
  readonly actor: {
    readonly id: string;
    readonly name: string;
    readonly role: Role;
    readonly kind: "user" | "token" | "local";
  };
  readonly can: { readonly order: boolean; readonly configure: boolean; readonly force: boolean };
  readonly version: string;
}

/** What the journal holds; each kind has facts of its own. */
export interface StoredEvent {
  readonly id?: number;
  readonly event: { readonly kind: string; readonly at: number; readonly [fact: string]: unknown };
}

export type MaasFields = z.infer<typeof MAAS_FIELDS>;

export interface BulkResult {
  readonly machine: string;
  readonly order?: OrderRecord;
  readonly error?: Failure;
}
