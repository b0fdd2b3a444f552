/** Requests to the daemon at once: its socket takes no endless queue, and an account no endless number of files. */
export const MOST_AT_ONCE = 200;

/** Does the work for all items, so many at once; answers in the order of the items. */
export async function atMost<Item, Result>(
  limit: number,
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results = new Map<number, Result>();
  const waiting = items.entries();
  const takeTurns = async () => {
    for (const [index, item] of waiting) results.set(index, await work(item));
  };
  await Promise.all(Array.from({ length: limit }, takeTurns));
  return [...results].toSorted(([a], [b]) => a - b).map(([, result]) => result);
}
