/** What a TP-Link plug is asked over: one JSON text there, one back. The protocols differ in how they wrap it. */

export interface KasaLine {
  /** For messages: `192.168.1.40:9999`. */
  readonly host: string;
  /**
   * Throws PowerError: unreachable, timeout, protocol; `auth` for a session that the plug no longer knows. `mayHaveActed`
   * for a request that acts, once it may have arrived.
   */
  ask(request: object, options: { readonly acts: boolean; readonly signal: AbortSignal }): Promise<unknown>;
}
