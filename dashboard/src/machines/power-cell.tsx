import type { Machine } from "../api/types.ts";
import { StateGlyph } from "../parts/glyph.tsx";
import { useNow } from "../state/now.ts";
import { duration } from "../words/time.ts";
import { type Shown, shownState } from "../words/words.ts";

interface Props {
  readonly machine: Machine;
  readonly words?: (machine: Machine) => Shown;
}

/** Icon and word; while an order runs, how long it does already. */
export function Power({ machine, words = shownState }: Props) {
  const { look, word } = words(machine);
  return (
    <span className={`power is-${look}`}>
      <StateGlyph look={look} />
      <span className="power__word">
        {word}
        {machine.order && <Elapsed since={machine.order.acceptedAt} />}
      </span>
    </span>
  );
}

function Elapsed({ since }: { readonly since: number }) {
  const text = useNow((now) => duration(Math.max(0, Math.floor((now - since) / 1_000) * 1_000)));
  return <span className="power__elapsed"> {text}</span>;
}

/** The line under the power: why it is not known where it is not, else who tells. */
export function powerNote({ error, drivers, order }: Machine): string {
  if (order?.waitingFor !== undefined) return `for ${order.waitingFor}`;
  return error?.message ?? drivers.join(", ");
}
