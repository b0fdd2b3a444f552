import { useRef, useState } from "react";
import type { Machine } from "../api/types.ts";
import { useWindow } from "../parts/use-window.ts";
import { number } from "../words/words.ts";
import { Checked, LastAction, LastActionAt, Name, NameNote, Polled } from "./cells.tsx";
import { Power, powerNote } from "./power-cell.tsx";
import { RowMenu } from "./row-menu.tsx";
import { type Selection, tickedOf } from "./selection.ts";
import { groupName, type ListProps } from "./table.tsx";
import { Tick } from "./tick.tsx";
import type { Line } from "./view.ts";

/** Heights in rem, with the room between them. */
const CARD = 9.75;
const GROUP = 2.75;
const heightOf = (line: Line) => (line.kind === "group" ? GROUP : CARD);

/** The same as the table, where there is no room for one. */
export function MachineCards({ lines, machines, view, selection }: ListProps) {
  const list = useRef<HTMLUListElement>(null);
  const [kept, setKept] = useState<number>();
  const { pieces } = useWindow({ lines, heightOf, kept, list, covered: 0 });
  return (
    <>
      <div className="cards__head">
        <Tick
          label="Select all machines that are listed"
          ticked={tickedOf(machines, selection)}
          onChange={(on) => selection.set(machines, on)}
        />
        <span aria-hidden="true">Select all</span>
      </div>
      <ul
        className="cards"
        ref={list}
        aria-label="Machines"
        onFocus={(event) => setKept(Number(event.target.closest<HTMLElement>("li")?.dataset["index"] ?? Number.NaN))}
        onBlur={() => setKept(undefined)}
      >
        {pieces.map((piece) => {
          if (piece.kind === "gap") return <li key={piece.key} aria-hidden="true" style={{ height: piece.height }} />;
          const line = lines[piece.index];
          if (!line) return null;
          const place = { "aria-setsize": lines.length, "aria-posinset": piece.index + 1, "data-index": piece.index };
          return line.kind === "group" ? (
            <li key={line.key} {...place} className="cards__group" style={{ height: `${GROUP}rem` }}>
              <Tick
                label={`Select all of ${line.name}`}
                ticked={tickedOf(line.machines, selection)}
                onChange={(on) => selection.set(line.machines, on)}
              />
              <span className="group__name">{groupName(line.name, view.group)}</span>
              <span className="group__count">{number(line.machines.length, "machine")}</span>
            </li>
          ) : (
            <li key={line.key} {...place} style={{ height: `${CARD}rem` }} data-machine={line.machine.name}>
              <Card machine={line.machine} selection={selection} />
            </li>
          );
        })}
      </ul>
    </>
  );
}

function Card({ machine, selection }: { readonly machine: Machine; readonly selection: Selection }) {
  return (
    <article className="machine-card" aria-label={machine.name}>
      <header className="machine-card__head">
        <Tick
          label={`Select ${machine.name}`}
          ticked={selection.has(machine.name) ? "all" : "none"}
          onChange={(on) => selection.set([machine], on)}
        />
        <div className="cell">
          <Name machine={machine} />
        </div>
        <RowMenu machine={machine} />
      </header>
      <div className="cell is-note">
        <NameNote machine={machine} />
      </div>
      <div className="machine-card__power">
        <Power machine={machine} />
        <span className={`cell is-note${machine.error ? " is-error" : ""}`}>{powerNote(machine)}</span>
      </div>
      <dl className="machine-card__facts">
        <dt>Checked</dt>
        <dd>
          <Checked machine={machine} />
        </dd>
        <dt>Polled by MAAS</dt>
        <dd>
          <Polled machine={machine} />
        </dd>
        <dt>Last action</dt>
        <dd className="cell">
          <LastAction machine={machine} /> <LastActionAt machine={machine} />
        </dd>
      </dl>
    </article>
  );
}
