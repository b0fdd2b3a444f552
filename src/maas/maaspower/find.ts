/** Which names lead to which device: as maaspower found them, and as they are meant. */
import { finiteNames } from "./finite-names.ts";
import { OldName } from "./old-names.ts";
import type { Device } from "./schema.ts";

/** A name for which a device is wanted; with what its pattern matched, where that is a pattern. */
export interface Wanted {
  readonly name: string;
  readonly match?: RegExpExecArray | undefined;
}

export interface NamesOfDevice {
  readonly wanted: readonly Wanted[];
  /** Names that a pattern would match, where nobody knows which ones there are. */
  readonly samples: readonly Wanted[];
  /** A later device has the very same name. */
  readonly twice: boolean;
}

export interface Found {
  /** By the device's number. */
  readonly of: readonly NamesOfDevice[];
  readonly notes: readonly FoundNote[];
}

interface FoundNote {
  /** Undefined: it concerns no device. */
  readonly index: number | undefined;
  readonly text: string;
}

/** `given`: names that MAAS uses. A pattern has those of them that it matches; where there is none, those that it lists. */
export function namesOf(devices: readonly Device[], given: readonly string[]): Found {
  const names = devices.map((device) => new OldName(device.name));
  const exact = new Map(names.map((name, index) => [name.text, index]));
  const notes: FoundNote[] = [];
  const meant = new Set<string>(exact.keys());
  const patternsOf = (name: string) => names.findIndex((old) => !old.isPlain && old.match(name));
  const of = names.map((old, index): NamesOfDevice => {
    const twice = exact.get(old.text) !== index;
    if (twice || old.isPlain) return { wanted: twice ? [] : [{ name: old.text }], samples: [], twice };
    const told = given.filter((name) => !exact.has(name) && patternsOf(name) === index);
    const listed = told.length > 0 ? told : (finiteNames(old.text) ?? []);
    const wanted = listed.filter((name) => !exact.has(name) && patternsOf(name) === index);
    for (const name of wanted) meant.add(name);
    return { wanted: matched(old, wanted), samples: wanted.length > 0 ? [] : matched(old, samplesOf(old.text)), twice };
  });
  for (const name of new Set([...meant, ...given])) {
    if (exact.has(name)) continue;
    const before = names.findIndex((old) => old.matchesStartOf(name));
    const now = patternsOf(name);
    const wrong = names[before]?.text;
    if (before < 0 && now < 0)
      notes.push({ index: undefined, text: `no device is found for "${name}", neither by maaspower nor here` });
    if (wrong === undefined || before === now) continue;
    notes.push({
      index: before,
      text:
        now < 0
          ? `maaspower took "${name}" for "${wrong}", with which it begins, and would have switched that; here it is no machine`
          : `maaspower took "${name}" for "${wrong}", with which it begins, and would have switched that; here it is what "${names[now]?.text}" says`,
    });
  }
  for (const [index, old] of names.entries()) {
    // What a browser's session is called is no machine's name.
    if (devices[index]?.type === "WebGui") continue;
    const longer = [...meant].filter(
      (name) => old.isPlain && name !== old.text && exact.has(name) && old.matchesStartOf(name),
    );
    if (longer.length === 0) continue;
    notes.push({
      index,
      text: `"${old.text}" is how ${longer.map((name) => `"${name}"`).join(", ")} ${longer.length === 1 ? "begins" : "begin"}: without a device of that name maaspower would have switched "${old.text}" for it; here names are matched in full`,
    });
  }
  return { of, notes };
}

function matched(old: OldName, names: readonly string[]): Wanted[] {
  return names.flatMap((name) => {
    const match = old.match(name);
    return match ? [{ name, match }] : [];
  });
}

const DIGITS = /(?:\\d|\[0-9\])(?:\{[^}]*\}|[*+?])*/g;
const LETTERS = /(?:\\w|\.|\[(?:\\.|[^\]])*\])(?:\{[^}]*\}|[*+])\??/g;

/** Two names that the pattern might be meant for. */
function samplesOf(pattern: string): string[] {
  return ["1", "2"].map((number) => {
    const plain = pattern.replaceAll(/\(\?P?<\w+>|\(\?:|[()^$]/g, "");
    const count = [...plain.matchAll(DIGITS)].length;
    let digits = 0;
    return plain
      .replaceAll(DIGITS, () => (++digits === count ? number : "1"))
      .replaceAll(LETTERS, count === 0 ? `nuc${number}` : "nuc");
  });
}
