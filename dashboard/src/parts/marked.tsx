/** A sentence in which what is typed or written stands in backticks, as the daemon's messages have it. */
export function Marked({ text }: { readonly text: string }) {
  return text.split("`").map((part, index) =>
    // biome-ignore lint/suspicious/noArrayIndexKey: the parts of one sentence never change places
    index % 2 === 0 ? part : <code key={index}>{part}</code>,
  );
}
