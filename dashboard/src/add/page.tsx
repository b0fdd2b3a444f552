import { useState } from "react";
import type { Driver } from "../api/types.ts";
import { FailureNotice } from "../parts/failure-notice.tsx";
import { Loading } from "../parts/loading.tsx";
import { useAnswer } from "../parts/use-answer.ts";
import { usePageTitle } from "../parts/use-page-title.ts";
import { Link, useSearch } from "../router.tsx";
import { MachineForm } from "./machine-form.tsx";

interface Props {
  /** There is no machine yet: this page is what is seen first. */
  readonly isFirst?: boolean;
}

export default function AddPage({ isFirst = false }: Props) {
  usePageTitle("Add machine");
  const { value, failure } = useAnswer<{ readonly drivers: readonly Driver[] }>("drivers");
  const wanted = useSearch().get("driver");
  const driver = value?.drivers.find(({ name }) => name === wanted);
  return (
    <>
      <header className="page-head">
        <h1 className="p-heading--3">{isFirst ? "No machines yet" : "Add machine"}</h1>
        {isFirst && (
          <p className="page-head__note">
            Add your first one. Nothing is saved here: at the end you get what to paste.
          </p>
        )}
      </header>
      {failure && <FailureNotice title="The drivers cannot be listed" failure={failure} />}
      {!value && !failure && <Loading what="drivers" />}
      {value && !driver && <Pick drivers={value.drivers} />}
      {driver && <MachineForm key={driver.name} driver={driver} />}
    </>
  );
}

/** Families for when nothing of the others fits; all else keeps the daemon's order. */
const LAST = ["Anything else", "Try and test"];

function Pick({ drivers }: { readonly drivers: readonly Driver[] }) {
  const [sought, setSought] = useState("");
  const words = sought.toLowerCase().split(/\s+/).filter(Boolean);
  const fitting = drivers.filter(({ name, title, summary, family }) => {
    const text = [name, title, summary, family].join("\n").toLowerCase();
    return words.every((word) => text.includes(word));
  });
  const families = [...new Set(fitting.map(({ family }) => family))].toSorted(
    (a, b) => LAST.indexOf(a) - LAST.indexOf(b),
  );
  return (
    <>
      <p className="add__step">
        <strong>1. What switches it?</strong> Pick the hardware or software that the machine hangs on.
      </p>
      <label className="filter add__search">
        <span className="filter__label">Search</span>
        <input
          type="search"
          value={sought}
          placeholder="Shelly, PDU, IPMI…"
          onChange={(event) => setSought(event.target.value)}
        />
      </label>
      {families.map((family) => (
        <section key={family} aria-label={family}>
          <h2 className="card__title">{family}</h2>
          <ul className="tiles">
            {fitting
              .filter((driver) => driver.family === family)
              .map(({ name, title, summary }) => (
                <li key={name}>
                  <Link to={`add?driver=${encodeURIComponent(name)}`} className="tile">
                    <span className="tile__title">{title}</span>
                    <span className="tile__name">{name}</span>
                    <span className="tile__summary">{summary}</span>
                  </Link>
                </li>
              ))}
          </ul>
        </section>
      ))}
      {fitting.length === 0 && (
        <p>No driver is called so. Whatever a script can reach, the drivers command and http can switch.</p>
      )}
    </>
  );
}
