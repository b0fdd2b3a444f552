/** The tokens that machines of MAAS have with the daemon: one for each, kept as hashes by whoever keeps credentials. */
export interface MachineTokens {
  /** SHA-256 of every token of that machine that counts now; two while one takes the place of another. */
  hashes(machine: string): readonly string[];
  /** Makes another one; those before go on to count. */
  add(machine: string): Promise<string>;
  /** Of the machine's tokens only this one is to count. */
  keepOnly(machine: string, sha256: string): Promise<void>;
  /** Takes one away. */
  drop(machine: string, sha256: string): Promise<void>;
  /** Takes all of the machine's away. Were there any? */
  forget(machine: string): Promise<boolean>;
}
