import { useMemo, useRef } from "react";
import type { Hub } from "../api/types.ts";
import { Ago } from "../parts/ago.tsx";
import { Loading } from "../parts/loading.tsx";
import { usePageTitle } from "../parts/use-page-title.ts";
import { useWindow } from "../parts/use-window.ts";
import { Link } from "../router.tsx";
import { useStore } from "../state/use-store.ts";
import { compareNames } from "../words/natural-order.ts";
import { number } from "../words/words.ts";
import { Health, latencyWords } from "./health.tsx";

const ROW = 3.25;
const HEAD = 2.5;
const heightOf = () => ROW;
const MOST_NAMED = 4;

export default function HubsPage() {
  usePageTitle("Hubs");
  const hubs = useStore((state) => state.hubs);
  // Trouble first.
  const lines = useMemo(
    () =>
      [...(hubs?.values() ?? [])].toSorted(
        (a, b) => Number(b.failing !== undefined) - Number(a.failing !== undefined) || compareNames(a.name, b.name),
      ),
    [hubs],
  );
  const failing = lines.filter((hub) => hub.failing).length;
  if (!hubs) return <Loading what="hubs" />;
  return (
    <>
      <header className="page-head">
        <h1 className="p-heading--3">Hubs</h1>
        <p className="page-head__note">
          What drivers talk to: plugs, PDUs, switches, brokers, hosts. {number(lines.length, "hub")}
          {failing > 0 && <strong className="is-error"> · {failing} failing</strong>}
        </p>
      </header>
      {lines.length === 0 ? (
        <div className="empty">
          <p className="p-heading--4">No hubs</p>
          <p>No machine uses anything that is shared.</p>
        </div>
      ) : (
        <HubTable lines={lines} />
      )}
    </>
  );
}

function HubTable({ lines }: { readonly lines: readonly Hub[] }) {
  const body = useRef<HTMLTableSectionElement>(null);
  const { pieces } = useWindow({ lines, heightOf, kept: undefined, list: body, covered: HEAD });
  return (
    <table className="rows hubs" aria-label="Hubs" aria-rowcount={lines.length + 1}>
      <thead>
        <tr aria-rowindex={1}>
          <th scope="col" className="hubs__name">
            Hub<span className="sort__note">Driver</span>
          </th>
          <th scope="col">Health</th>
          <th
            scope="col"
            className="hubs__latency"
            title="What half, and all but one in a hundred, of the last 100 exchanges took at most"
          >
            Latency<span className="sort__note">half · 99 %</span>
          </th>
          <th scope="col" className="hubs__last">
            Last exchange
          </th>
          <th scope="col" className="hubs__waiting">
            Waiting
          </th>
          <th scope="col">Machines</th>
        </tr>
      </thead>
      <tbody ref={body}>
        {pieces.map((piece) => {
          if (piece.kind === "gap")
            return (
              // biome-ignore lint/a11y/noAriaHiddenOnFocusable: nothing in it can have the focus
              <tr key={piece.key} aria-hidden="true" className="gap">
                <td colSpan={6} style={{ height: piece.height }} />
              </tr>
            );
          const hub = lines[piece.index];
          return hub && <HubRow key={hub.name} hub={hub} index={piece.index} />;
        })}
      </tbody>
    </table>
  );
}

function HubRow({ hub, index }: { readonly hub: Hub; readonly index: number }) {
  const { name, driver, address, failing, lastExchange, queued, running, machines } = hub;
  return (
    <tr aria-rowindex={index + 2} data-hub={name} style={{ height: `${ROW}rem` }}>
      <td>
        <div className="cell">
          <Link to={`hubs/${encodeURIComponent(name)}`} className="machine-name">
            {name}
          </Link>
        </div>
        <div className="cell is-note">{[driver, address !== name && address].filter(Boolean).join(" · ")}</div>
      </td>
      <td>
        <div className="cell">
          <Health hub={hub} />
        </div>
        {failing && (
          <div className="cell is-note is-error" title={`${failing.message} ${failing.hint}`}>
            {failing.message}
          </div>
        )}
      </td>
      <td className="is-figure">{latencyWords(hub)}</td>
      <td>{lastExchange ? <Ago at={lastExchange.at} /> : "–"}</td>
      <td className="is-figure">{queued + running === 0 ? "–" : queued + running}</td>
      <td>
        <div className="cell" title={machines.slice(0, 50).join(", ")}>
          {machines.slice(0, MOST_NAMED).join(", ")}
          {machines.length > MOST_NAMED && ` and ${machines.length - MOST_NAMED} more`}
        </div>
      </td>
    </tr>
  );
}
