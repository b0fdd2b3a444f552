import { type FocusEvent, type KeyboardEvent, memo, useRef, useState } from "react";
import type { Machine } from "../api/types.ts";
import { Glyph } from "../parts/glyph.tsx";
import { useWindow } from "../parts/use-window.ts";
import { number, STATES, stateWord } from "../words/words.ts";
import { Checked, LastAction, LastActionAt, Name, NameNote, Polled, PolledBy } from "./cells.tsx";
import { Power, powerNote } from "./power-cell.tsx";
import { RowMenu } from "./row-menu.tsx";
import { type Selection, tickedOf } from "./selection.ts";
import { Tick } from "./tick.tsx";
import type { Grouping, Line, Sort, View } from "./view.ts";

/** Heights in rem; the style sheet keeps to one line of letters and one of notes. */
const ROW = 3.25;
const GROUP_ROW = 2.25;
const HEAD = 2.5;
const heightOf = (line: Line) => (line.kind === "group" ? GROUP_ROW : ROW);

const COLUMNS: readonly { readonly sort: Sort; readonly title: string; readonly note: string }[] = [
  { sort: "name", title: "Name", note: "Tags" },
  { sort: "power", title: "Power", note: "Driver" },
  { sort: "checked", title: "Last checked", note: "" },
  { sort: "action", title: "Last action", note: "" },
  { sort: "polled", title: "Polled by MAAS", note: "" },
];

export interface ListProps {
  readonly lines: readonly Line[];
  /** Those in the lines, each once. */
  readonly machines: readonly Machine[];
  readonly view: View;
  readonly selection: Selection;
  readonly onSort: (sort: Sort) => void;
}

export function MachineTable({ lines, machines, view, selection, onSort }: ListProps) {
  const body = useRef<HTMLTableSectionElement>(null);
  const [kept, setKept] = useState<number>();
  const { pieces, reveal } = useWindow({ lines, heightOf, kept, list: body, covered: HEAD });

  const onFocus = (event: FocusEvent) => setKept(indexOf(event.target));
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const from = indexOf(event.target);
    if (step === undefined || from === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    const to = from + step;
    if (to < 0 || to >= lines.length) return;
    event.preventDefault();
    const cell = event.target instanceof Element ? event.target.closest("td, th") : null;
    const column = cell instanceof HTMLTableCellElement ? cell.cellIndex : 0;
    setKept(to);
    reveal(to);
    // The line is drawn by then.
    requestAnimationFrame(() => focusIn(body.current, to, column));
  };

  return (
    <table className="rows machines" aria-label="Machines" aria-rowcount={lines.length + 1}>
      <thead>
        <tr aria-rowindex={1}>
          <th className="machines__tick" scope="col">
            <Tick
              label="Select all machines that are listed"
              ticked={tickedOf(machines, selection)}
              onChange={(on) => selection.set(machines, on)}
            />
          </th>
          {COLUMNS.map(({ sort, title, note }) => (
            <th key={sort} scope="col" className={`machines__${sort}`} aria-sort={ariaSort(sort, view)}>
              <button type="button" className="sort" onClick={() => onSort(sort)}>
                {title}
                {view.sort === sort && <Glyph name={view.descending ? "down" : "up"} className="sort__mark" />}
              </button>
              {note !== "" && <span className="sort__note">{note}</span>}
            </th>
          ))}
          <th className="machines__menu" scope="col">
            <span className="u-off-screen">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody ref={body} onFocus={onFocus} onBlur={() => setKept(undefined)} onKeyDown={onKeyDown}>
        {pieces.map((piece) => {
          if (piece.kind === "gap")
            return (
              // biome-ignore lint/a11y/noAriaHiddenOnFocusable: nothing in it can have the focus
              <tr key={piece.key} aria-hidden="true" className="gap">
                <td colSpan={7} style={{ height: piece.height }} />
              </tr>
            );
          const line = lines[piece.index];
          if (!line) return null;
          return line.kind === "group" ? (
            <GroupRow key={line.key} line={line} index={piece.index} grouping={view.group} selection={selection} />
          ) : (
            <Row
              key={line.key}
              machine={line.machine}
              index={piece.index}
              ticked={selection.has(line.machine.name)}
              onTick={selection.set}
            />
          );
        })}
      </tbody>
    </table>
  );
}

function ariaSort(sort: Sort, view: View): "ascending" | "descending" | "none" {
  return view.sort !== sort ? "none" : view.descending ? "descending" : "ascending";
}

function indexOf(target: EventTarget): number | undefined {
  const row = target instanceof Element ? target.closest<HTMLElement>("tr[data-index]") : null;
  return row ? Number(row.dataset["index"]) : undefined;
}

function focusIn(body: HTMLElement | null, index: number, column: number): void {
  const row = body?.querySelector<HTMLTableRowElement>(`tr[data-index="${index}"]`);
  const controls = "a[href], button, input";
  const wanted = row?.cells[column]?.querySelector<HTMLElement>(controls) ?? row?.querySelector<HTMLElement>(controls);
  wanted?.focus({ preventScroll: true });
}

interface RowProps {
  readonly machine: Machine;
  readonly index: number;
  readonly ticked: boolean;
  readonly onTick: Selection["set"];
}

const Row = memo(function Row({ machine, index, ticked, onTick }: RowProps) {
  return (
    <tr
      aria-rowindex={index + 2}
      data-index={index}
      data-machine={machine.name}
      className={ticked ? "is-ticked" : ""}
      style={{ height: `${ROW}rem` }}
    >
      <td className="machines__tick">
        <Tick
          label={`Select ${machine.name}`}
          ticked={ticked ? "all" : "none"}
          onChange={(on) => onTick([machine], on)}
        />
      </td>
      <td>
        <div className="cell">
          <Name machine={machine} />
        </div>
        <div className="cell is-note">
          <NameNote machine={machine} />
        </div>
      </td>
      <td>
        <div className="cell">
          <Power machine={machine} />
        </div>
        <div className={`cell is-note${machine.error ? " is-error" : ""}`} title={problemOf(machine)}>
          {powerNote(machine)}
        </div>
      </td>
      <td>
        <div className="cell">
          <Checked machine={machine} />
        </div>
      </td>
      <td>
        <div className="cell">
          <LastAction machine={machine} />
        </div>
        <div className="cell is-note">
          <LastActionAt machine={machine} />
        </div>
      </td>
      <td>
        <div className="cell">
          <Polled machine={machine} />
        </div>
        <div className="cell is-note">
          <PolledBy machine={machine} />
        </div>
      </td>
      <td className="machines__menu">
        <RowMenu machine={machine} />
      </td>
    </tr>
  );
});

function problemOf({ error }: Machine): string | undefined {
  return error && `${error.message} ${error.hint}`;
}

interface GroupRowProps {
  readonly line: Extract<Line, { kind: "group" }>;
  readonly index: number;
  readonly grouping: Grouping | undefined;
  readonly selection: Selection;
}

function GroupRow({ line: { name, machines }, index, grouping, selection }: GroupRowProps) {
  return (
    <tr aria-rowindex={index + 2} data-index={index} className="group" style={{ height: `${GROUP_ROW}rem` }}>
      <td className="machines__tick">
        <Tick
          label={`Select all of ${name}`}
          ticked={tickedOf(machines, selection)}
          onChange={(on) => selection.set(machines, on)}
        />
      </td>
      <th scope="colgroup" colSpan={6}>
        <span className="group__name">{groupName(name, grouping)}</span>
        <span className="group__count">{number(machines.length, "machine")}</span>
      </th>
    </tr>
  );
}

export function groupName(name: string, grouping: Grouping | undefined): string {
  const state = grouping === "state" ? STATES.find((known) => known === name) : undefined;
  return state ? stateWord(state) : name;
}
