import { useMemo } from "react";
import { addressOf } from "../base.ts";
import { usePageTitle } from "../parts/use-page-title.ts";
import { setSearch, useSearch } from "../router.tsx";
import { useStore } from "../state/use-store.ts";
import { EventList } from "./event-list.tsx";
import { KINDS } from "./event-words.ts";
import { type EventFilter, queryOf, useEvents } from "./use-events.ts";

const SPANS = [
  { key: "", title: "ever", ms: undefined },
  { key: "1h", title: "in the last hour", ms: 3_600_000 },
  { key: "24h", title: "in the last day", ms: 86_400_000 },
  { key: "7d", title: "in the last week", ms: 604_800_000 },
] as const;

export default function EventsPage() {
  usePageTitle("Events");
  const search = useSearch();
  const [machine, actor, kind, span] = ["machine", "actor", "kind", "since"].map((key) => search.get(key) ?? "");
  const filter = useMemo<EventFilter>(() => {
    const ms = SPANS.find(({ key }) => key === span)?.ms;
    return {
      ...(machine && { machine }),
      ...(actor && { actor }),
      ...(kind && { kind }),
      ...(ms !== undefined && { since: Date.now() - ms }),
    };
  }, [machine, actor, kind, span]);
  const events = useEvents(filter);
  const exported = (format: string) => {
    const query = queryOf(filter);
    query.set("format", format);
    return addressOf(`api/v1/events/export?${query}`).href;
  };
  return (
    <>
      <header className="page-head">
        <h1 className="p-heading--3">Events</h1>
        <span className="page-head__action">
          <a className="p-button" href={exported("csv")} download="events.csv">
            Export as CSV
          </a>
          <a className="p-button" href={exported("json")} download="events.json">
            Export as JSON
          </a>
        </span>
      </header>
      <search className="toolbar" aria-label="Events">
        <MachineField value={machine ?? ""} />
        <TextField label="By" name="actor" value={actor ?? ""} placeholder="user:anna" />
        <label className="filter">
          <span className="filter__label">What</span>
          <select value={kind} onChange={(event) => setSearch({ kind: event.target.value })}>
            <option value="">all</option>
            {Object.entries(KINDS).map(([key, title]) => (
              <option key={key} value={key}>
                {title}
              </option>
            ))}
          </select>
        </label>
        <label className="filter">
          <span className="filter__label">When</span>
          <select value={span} onChange={(event) => setSearch({ since: event.target.value })}>
            {SPANS.map(({ key, title }) => (
              <option key={key} value={key}>
                {title}
              </option>
            ))}
          </select>
        </label>
      </search>
      <EventList {...events} />
    </>
  );
}

/** Beyond this a list to choose from is no help. */
const MOST_OFFERED = 500;

function MachineField({ value }: { readonly value: string }) {
  const machines = useStore((state) => state.machines);
  const offered = useMemo(() => [...(machines?.keys() ?? [])].slice(0, MOST_OFFERED), [machines]);
  return (
    <>
      <TextField label="Machine" name="machine" value={value} placeholder="all" list="machine-names" />
      <datalist id="machine-names">
        {offered.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </>
  );
}

interface FieldProps {
  readonly label: string;
  readonly name: string;
  readonly value: string;
  readonly placeholder: string;
  readonly list?: string;
}

/** Taken when it is left or confirmed: half a name finds nothing. */
function TextField({ label, name, value, ...rest }: FieldProps) {
  return (
    <label className="filter">
      <span className="filter__label">{label}</span>
      <input
        key={value}
        type="search"
        defaultValue={value}
        autoComplete="off"
        {...rest}
        onBlur={(event) => setSearch({ [name]: event.target.value.trim() })}
        onChange={(event) => {
          if (event.target.value === "") setSearch({ [name]: undefined });
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter") setSearch({ [name]: event.currentTarget.value.trim() });
        }}
      />
    </label>
  );
}
