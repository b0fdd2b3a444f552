/** What the columns of a machine show, in the table and on its card. */
import type { Machine } from "../api/types.ts";
import { Ago } from "../parts/ago.tsx";
import { Glyph } from "../parts/glyph.tsx";
import { Link, machinePath } from "../router.tsx";
import { orderWords } from "../words/words.ts";

export function Name({ machine }: { readonly machine: Machine }) {
  const { name, lock, protect, enabled } = machine;
  return (
    <>
      <Link to={machinePath(name)} className="machine-name" title={name}>
        {name}
      </Link>
      {lock && (
        <span className="mark" title={`Locked by ${lock.by}: ${lock.reason}`}>
          <Glyph name="lock" />
          <span className="u-off-screen">locked</span>
        </span>
      )}
      {protect !== "nobody" && (
        <span
          className="mark"
          title={`Protected: off, cycle and reset are refused to ${protect === "all" ? "all" : "people"}`}
        >
          <Glyph name="shield" />
          <span className="u-off-screen">protected</span>
        </span>
      )}
      {!enabled && <span className="mark is-word">disabled</span>}
    </>
  );
}

/** Tags, or else what the machine is. */
export function NameNote({ machine: { tags, description } }: { readonly machine: Machine }) {
  const text = [...(description === undefined ? [] : [description]), ...tags.map((tag) => `#${tag}`)].join("  ");
  return <span title={text}>{text === "" ? "\u00a0" : text}</span>;
}

export function Checked({ machine: { reading } }: { readonly machine: Machine }) {
  return reading ? <Ago at={reading.startedAt} /> : "–";
}

export function LastAction({ machine: { order, lastOrder } }: { readonly machine: Machine }) {
  const shown = order ?? lastOrder;
  return shown ? <span title={shown.error?.message ?? orderWords(shown)}>{orderWords(shown)}</span> : "–";
}

export function LastActionAt({ machine: { order, lastOrder } }: { readonly machine: Machine }) {
  const shown = order ?? lastOrder;
  return shown ? <Ago at={shown.endedAt ?? shown.acceptedAt} /> : "\u00a0";
}

export function Polled({ machine: { polled } }: { readonly machine: Machine }) {
  return polled ? <Ago at={polled.at} /> : <span title="MAAS has not asked since the daemon started">–</span>;
}

export function PolledBy({ machine: { polled } }: { readonly machine: Machine }) {
  return polled?.agent ?? "\u00a0";
}
