import { lazy, Suspense, useDeferredValue, useMemo, useRef } from "react";
import type { Machine } from "../api/types.ts";
import { Loading } from "../parts/loading.tsx";
import { usePageTitle } from "../parts/use-page-title.ts";
import { useMedia } from "../parts/use-window.ts";
import { Link, setSearch, useSearch } from "../router.tsx";
import { useStore } from "../state/use-store.ts";
import { grouped } from "../words/words.ts";
import { MachineCards } from "./cards.tsx";
import { useSelection } from "./selection.ts";
import { SelectionBar } from "./selection-bar.tsx";
import { MachineTable } from "./table.tsx";
import { StateFilter, Toolbar } from "./toolbar.tsx";
import { choices, countsOf, isFiltered, linesOf, matching, type Sort, sorted, viewOf } from "./view.ts";

const AddPage = lazy(() => import("../add/page.tsx"));
const PHONE = "(max-width: 619px)";

export function MachinesPage() {
  const machines = useStore((state) => state.machines);
  usePageTitle("Machines");
  if (!machines) return <Loading what="machines" />;
  if (machines.size === 0)
    return (
      <Suspense fallback={<Loading what="page" />}>
        <AddPage isFirst />
      </Suspense>
    );
  return <Machines machines={machines} />;
}

function Machines({ machines }: { readonly machines: ReadonlyMap<string, Machine> }) {
  const search = useSearch();
  const view = viewOf(search);
  // Typing stays quick, however many machines there are.
  const wanted = useDeferredValue(search.toString());
  const isPhone = useMedia(PHONE);
  const box = useRef<HTMLInputElement>(null);
  const selection = useSelection(machines);

  const lists = useMemo(() => {
    const all = [...machines.values()];
    return { drivers: choices(all, "drivers"), tags: choices(all, "tags"), hubs: choices(all, "hubs") };
  }, [machines]);
  const { counts, shown, lines } = useMemo(() => {
    const deferred = viewOf(new URLSearchParams(wanted));
    const fitting = matching(machines.values(), deferred);
    const ofState = deferred.state === undefined ? fitting : fitting.filter(({ state }) => state === deferred.state);
    const inOrder = sorted(ofState, deferred);
    return { counts: countsOf(fitting), shown: inOrder, lines: linesOf(inOrder, deferred.group) };
  }, [machines, wanted]);
  const ticked = useMemo(
    () => [...selection.names].flatMap((name) => machines.get(name) ?? []),
    [selection.names, machines],
  );

  const onSort = (sort: Sort) =>
    setSearch({ sort, order: view.sort === sort && !view.descending ? "desc" : undefined });
  const List = isPhone ? MachineCards : MachineTable;
  return (
    <>
      <header className="page-head">
        <h1 className="p-heading--3">Machines</h1>
        <StateFilter counts={counts} chosen={view.state} />
        <Link to="add" className="p-button page-head__action">
          Add machine
        </Link>
      </header>
      <Toolbar view={view} box={box} {...lists} />
      {shown.length === 0 ? (
        <div className="empty">
          <p className="p-heading--4">No machine fits</p>
          <p>None of {grouped(machines.size)} machines is what was searched for.</p>
          {isFiltered(view) && (
            <button
              type="button"
              className="p-button"
              onClick={() =>
                setSearch({ search: undefined, state: undefined, driver: undefined, tag: undefined, hub: undefined })
              }
            >
              Show all machines
            </button>
          )}
        </div>
      ) : (
        <List lines={lines} machines={shown} view={view} selection={selection} onSort={onSort} />
      )}
      <SelectionBar machines={ticked} onClear={selection.clear} />
      <p className="u-off-screen" role="status">
        {isFiltered(view) ? `${shown.length} of ${machines.size} machines fit` : ""}
      </p>
    </>
  );
}
