/** What comes of one of maaspower's devices. */
import type { Device } from "./schema.ts";
import type { Secrets, TreeMap } from "./tree.ts";

/** A device that comes over. */
export interface Converted {
  readonly entry: TreeMap;
  /** The hub that the entry names, where it is shared. */
  readonly hub?: { readonly name: string; readonly entry: TreeMap };
  /** The thing that is switched; two machines on one are the same machine. */
  readonly outlet?: string;
  /** Its state was told by a bare word. */
  readonly plain: boolean;
  readonly notes: readonly string[];
}

/** A device that does not. */
export interface Left {
  readonly why: string;
  readonly next: string;
  /** What a person would write, to be filled in. */
  readonly sketch?: TreeMap;
}

export interface ConversionServices {
  readonly secrets: Secrets;
  readonly isHost: (text: string) => boolean;
  /** What is wrong with a regular expression of ours; undefined where nothing is. */
  readonly regexProblem: (expression: string) => string | undefined;
}

/** A device of one type. */
export type Of<Type extends Device["type"]> = Extract<Device, { readonly type: Type }>;
