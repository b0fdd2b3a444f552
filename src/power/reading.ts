/** A state with its evidence: what the machine is doing, how that is known, and since when. */

export type PowerState = "on" | "off" | "unknown";

/**
 * - `measured`: a device or the machine itself told it in this exchange.
 * - `assumed`: follows from what was ordered, or from current alone; nothing can measure it.
 * - `stale`: was measured once, but is older than it should be.
 */
export type Confidence = "measured" | "assumed" | "stale";

export interface SupplyReading {
  /** `rack-pdu outlet 5`. */
  readonly label: string;
  readonly state: "closed" | "open" | "unknown";
}

/** What a supply was seen to be, whatever becomes of the rest of the reading. */
export interface SupplySeen {
  /** At least one outlet is closed; false: all are open. */
  readonly fed: boolean;
  /** As for a reading (ms since 1970). */
  readonly startedAt: number;
  /** Where there are several. */
  readonly outlets?: readonly SupplyReading[];
}

export interface Reading {
  readonly state: PowerState;
  readonly confidence: Confidence;
  /** When the exchange that told it *started* (ms since 1970): a reading proves nothing about commands that ended later. */
  readonly startedAt: number;
  /** What was seen, one short fact each: `relay closed`, `0.9 W`, `no answer to ping`. */
  readonly evidence: readonly string[];
  /** Why the state is unknown or assumed, for people. */
  readonly reason?: string;
  /** The device says it is on its way there: wait instead of commanding. */
  readonly towards?: "on" | "off";
  /** Watts drawn, where a meter told them. */
  readonly watts?: number;
  /** The outlets of a supply that has several. */
  readonly outlets?: readonly SupplyReading[];
  /** Does current reach the machine? Absent where there is no supply, or it could not be read. */
  readonly fed?: boolean;
}
