import type { MachineDetails } from "../api/types.ts";
import { Facts } from "../parts/facts.tsx";
import { Link } from "../router.tsx";
import { duration } from "../words/time.ts";
import { VERB_WORDS, VERBS } from "../words/words.ts";

type Used = MachineDetails["supply"][number];

/** What is done for each verb, in the order in which it is tried. */
export function Stages({ details: { stages, supply, query, hubs } }: { readonly details: MachineDetails }) {
  const where = (used: Used) => <Outlet used={used} isLinked={hubs.includes(used.hub)} />;
  return (
    <Facts
      facts={[
        [
          "Supply",
          supply.length > 0 && (
            <ul className="facts__list">
              {supply.map((used) => (
                <li key={`${used.hub} ${used.outlet}`}>{where(used)}</li>
              ))}
            </ul>
          ),
        ],
        ...VERBS.map((verb) => {
          const ways = stages.filter((stage) => stage.verb === verb);
          return [
            VERB_WORDS[verb].name,
            ways.length > 0 && (
              <ol className="facts__list">
                {ways.map((way) => (
                  <li key={`${way.hub} ${way.outlet} ${way.how}`}>
                    {where(way)}
                    {way.how !== undefined && `, ${way.how}`}, within {duration(way.wait)}
                  </li>
                ))}
              </ol>
            ),
          ] as const;
        }),
        ["Read by", query ?? (supply.length > 0 ? "its supply" : undefined)],
      ]}
    />
  );
}

function Outlet({ used: { driver, hub, outlet }, isLinked }: { readonly used: Used; readonly isLinked: boolean }) {
  return (
    <>
      {driver}
      {isLinked && (
        <>
          {" "}
          <Link to={`hubs/${encodeURIComponent(hub)}`}>{hub}</Link>
        </>
      )}
      {outlet !== undefined && ` outlet ${outlet}`}
    </>
  );
}
