import { useNow } from "../state/now.ts";
import { ago, dateAndTime } from "../words/time.ts";

/** How long ago, with the time itself for who points at it. */
export function Ago({ at }: { readonly at: number }) {
  const text = useNow((now) => ago(at, now));
  return (
    <time dateTime={new Date(at).toISOString()} title={dateAndTime(at)}>
      {text}
    </time>
  );
}
