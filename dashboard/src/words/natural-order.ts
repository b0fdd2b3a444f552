/**
 * Names in the order in which people count: `node2` before `node10`, capitals beside small letters, `ö` beside `o`. By
 * hand, because the browser's collator takes it a twentieth of a second to load, and the first machines wait for it.
 */
const keys = new Map<string, string>();

/** For `toSorted`. */
export function compareNames(a: string, b: string): number {
  const [first, second] = [keyOf(a), keyOf(b)];
  if (first === second) return a < b ? -1 : Number(a > b);
  return first < second ? -1 : 1;
}

function keyOf(name: string): string {
  let key = keys.get(name);
  if (key === undefined) {
    key = name
      .toLowerCase()
      .normalize("NFD")
      .replace(/\d+/g, (digits) => digits.padStart(16, "0"));
    keys.set(name, key);
  }
  return key;
}
