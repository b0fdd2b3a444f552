import Button from "@canonical/react-components/dist/esm/components/Button";
import { type Act, useAct } from "../actions/actions.tsx";
import type { Machine } from "../api/types.ts";
import { useSession } from "../state/use-session.ts";
import { mayNotLock, mayNotSwitch } from "../words/allowed.ts";
import { number, VERB_WORDS } from "../words/words.ts";

interface Props {
  readonly machines: readonly Machine[];
  readonly onClear: () => void;
}

/** What can be done with the machines that are ticked. */
export function SelectionBar({ machines, onClear }: Props) {
  const act = useAct();
  const session = useSession();
  const noSwitching = mayNotSwitch(session);
  const noLocking = mayNotLock(session);
  const allLocked = machines.length > 0 && machines.every(({ lock }) => lock);
  const button = (what: Act, label: string, why: string | undefined) => (
    <Button
      dense
      className="u-no-margin--bottom"
      disabled={why !== undefined}
      title={why}
      onClick={() => act(what, machines)}
    >
      {label}
    </Button>
  );
  return (
    <section className="selection" aria-label="Selected machines">
      <span className="u-off-screen" role="status">
        {machines.length === 0 ? "" : `${number(machines.length, "machine")} selected`}
      </span>
      {machines.length > 0 && (
        <div className="selection__bar">
          <span className="selection__count" aria-hidden="true">
            {number(machines.length, "machine")} selected
          </span>
          {(["on", "off", "cycle"] as const).map((verb) => (
            <span key={verb}>{button(verb, `${VERB_WORDS[verb].name}…`, noSwitching)}</span>
          ))}
          {button("check", "Check power", undefined)}
          {allLocked ? button("unlock", "Unlock", noLocking) : button("lock", "Lock…", noLocking)}
          <Button dense appearance="link" className="selection__clear u-no-margin--bottom" onClick={onClear}>
            Clear selection ✕
          </Button>
          {noSwitching !== undefined && <span className="selection__why">{noSwitching}</span>}
        </div>
      )}
    </section>
  );
}
