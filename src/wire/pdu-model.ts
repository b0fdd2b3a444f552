/** What is known of a family of PDUs that are switched over SNMP. The families themselves are rows in pdu-models.ts. */

/** What a value of the state tells. */
export interface OutletState {
  readonly state: "on" | "off" | "unknown";
  readonly towards?: "on" | "off";
  /** What the vendor calls it, where it is not just on or off. */
  readonly called?: string;
}

export interface Write {
  readonly oid: string;
  readonly value: number;
}

/**
 * OIDs stand below iso.org.dod.internet.private.enterprises (1.3.6.1.4.1); `{outlet}` is the outlet's index in the PDU's
 * table.
 */
export interface PduModel {
  readonly title: string;
  /** What `sysObjectID` begins with, where `model: auto` chooses this row. */
  readonly objectIds: readonly string[];
  readonly state: string;
  readonly states: Readonly<Record<number, OutletState>>;
  readonly on: Write;
  readonly off: Write;
  readonly name?: string;
  /** Watts, as the vendor's MIB says. */
  readonly watts?: string;
  /** Index of the first unit: what stands before the outlet's number where nothing else is said. */
  readonly firstUnit?: string;
  /** Where the number printed on the PDU is not the index: one into the other, and back (undefined: no outlet). */
  readonly index?: {
    readonly of: (printed: number) => number;
    readonly printed: (index: number) => number | undefined;
  };
  readonly sources: readonly [string, ...string[]];
  /** Do two sources that do not copy each other agree on every value? */
  readonly confirmed: boolean;
  /** What its users need to know. */
  readonly note?: string;
}
