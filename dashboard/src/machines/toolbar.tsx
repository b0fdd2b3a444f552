import SearchBox from "@canonical/react-components/dist/esm/components/SearchBox";
import { type RefObject, useEffect } from "react";
import { Glyph } from "../parts/glyph.tsx";
import { setSearch } from "../router.tsx";
import { grouped, number, STATES, stateWord } from "../words/words.ts";
import { type Counts, GROUPINGS, type View } from "./view.ts";

interface StatesProps {
  readonly counts: Counts;
  readonly chosen: View["state"];
}

const OF_STATE = { on: "power", off: "power", unknown: "question", error: "error" } as const;

/** `12 machines · 7 on · 4 off · 1 error`: each of them shows only those. */
export function StateFilter({ counts, chosen }: StatesProps) {
  const total = counts.on + counts.off + counts.unknown + counts.error;
  return (
    <fieldset className="states">
      <legend className="u-off-screen">Power state</legend>
      <button
        type="button"
        className="states__one"
        aria-pressed={chosen === undefined}
        onClick={() => setSearch({ state: undefined })}
      >
        {number(total, "machine")}
      </button>
      {STATES.map((state) => (
        <button
          type="button"
          key={state}
          className="states__one"
          aria-pressed={chosen === state}
          onClick={() => setSearch({ state: chosen === state ? undefined : state })}
        >
          <Glyph name={OF_STATE[state]} className={`state-glyph is-${state}${counts[state] === 0 ? " is-none" : ""}`} />
          {grouped(counts[state])} {stateWord(state).toLowerCase()}
        </button>
      ))}
    </fieldset>
  );
}

interface ToolbarProps {
  readonly view: View;
  readonly drivers: readonly string[];
  readonly tags: readonly string[];
  readonly hubs: readonly string[];
  readonly box: RefObject<HTMLInputElement | null>;
}

const GROUP_WORDS = { tag: "tag", hub: "hub", driver: "driver", state: "power state" } as const;

export function Toolbar({ view, drivers, tags, hubs, box }: ToolbarProps) {
  useSlash(box);
  return (
    <search className="toolbar" aria-label="Machines">
      <SearchBox
        ref={box}
        className="toolbar__search u-no-margin--bottom"
        placeholder="Search machines"
        aria-keyshortcuts="/"
        externallyControlled
        shouldRefocusAfterReset
        searchButtonType="button"
        autocomplete="off"
        value={view.search}
        onChange={(search: string) => setSearch({ search })}
        onKeyUp={(event) => {
          if (event.key !== "Escape") return;
          if (view.search === "") event.currentTarget.blur();
          else setSearch({ search: undefined });
        }}
      />
      <Filter label="Driver" name="driver" value={view.driver} values={drivers} />
      <Filter label="Tag" name="tag" value={view.tag} values={tags} />
      <Filter label="Hub" name="hub" value={view.hub} values={hubs} />
      <label className="filter">
        <span className="filter__label">Group</span>
        <select value={view.group ?? ""} onChange={(event) => setSearch({ group: event.target.value })}>
          <option value="">none</option>
          {GROUPINGS.map((group) => (
            <option key={group} value={group}>
              by {GROUP_WORDS[group]}
            </option>
          ))}
        </select>
      </label>
    </search>
  );
}

interface FilterProps {
  readonly label: string;
  readonly name: string;
  readonly value: string;
  readonly values: readonly string[];
}

function Filter({ label, name, value, values }: FilterProps) {
  if (values.length < 2 && value === "") return null;
  // An address may name what is no more.
  const shown = value === "" || values.includes(value) ? values : [value, ...values];
  return (
    <label className="filter">
      <span className="filter__label">{label}</span>
      <select value={value} onChange={(event) => setSearch({ [name]: event.target.value })}>
        <option value="">all</option>
        {shown.map((each) => (
          <option key={each} value={each}>
            {each}
          </option>
        ))}
      </select>
    </label>
  );
}

/** `/` goes to the search, from wherever nothing is being typed. */
function useSlash(box: RefObject<HTMLInputElement | null>): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const { target } = event;
      const typing =
        target instanceof Element && target.closest("input:not([type=checkbox]), textarea, select, dialog");
      if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      box.current?.focus();
      box.current?.select();
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, [box]);
}
