import { FailureNotice } from "../parts/failure-notice.tsx";
import { Loading } from "../parts/loading.tsx";
import { Link, machinePath } from "../router.tsx";
import { useNow } from "../state/now.ts";
import { dateAndTime, dateOrTime } from "../words/time.ts";
import { type EventWords, wordsOf } from "./event-words.ts";
import type { Events } from "./use-events.ts";

interface Props extends Events {
  /** All are about this machine. */
  readonly ofMachine?: string;
}

export function EventList({ events, failure, older, ofMachine }: Props) {
  if (failure) return <FailureNotice title="The events cannot be shown" failure={failure} />;
  if (!events) return <Loading what="events" />;
  if (events.length === 0)
    return (
      <div className="empty">
        <p className="p-heading--4">No events</p>
        <p>Nothing has happened that is asked for here.</p>
      </div>
    );
  return (
    <>
      <table className="events" aria-label="Events">
        <thead>
          <tr>
            <th scope="col">Time</th>
            {ofMachine === undefined && <th scope="col">Machine or hub</th>}
            <th scope="col">What happened</th>
            <th scope="col">By</th>
            <th scope="col">Details</th>
          </tr>
        </thead>
        <tbody>
          {events.map(({ id, event }, index) => {
            const words = wordsOf(event);
            return (
              <tr key={id ?? `${event.at} ${index}`} className={`is-${words.tone}`}>
                <td className="events__time">
                  <When at={event.at} />
                </td>
                {ofMachine === undefined && (
                  <td>
                    <About words={words} />
                  </td>
                )}
                <td className="events__what">{words.what}</td>
                <td>{words.who}</td>
                <td className="events__detail">{words.detail}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {older && (
        <button type="button" className="p-button" onClick={older}>
          Show older events
        </button>
      )}
    </>
  );
}

function When({ at }: { readonly at: number }) {
  const text = useNow((now) => dateOrTime(at, now));
  return (
    <time dateTime={new Date(at).toISOString()} title={dateAndTime(at)}>
      {text}
    </time>
  );
}

function About({ words: { machine, hub } }: { readonly words: EventWords }) {
  if (machine !== undefined) return <Link to={machinePath(machine)}>{machine}</Link>;
  if (hub !== undefined) return <Link to={`hubs/${encodeURIComponent(hub)}`}>{hub}</Link>;
  return null;
}
