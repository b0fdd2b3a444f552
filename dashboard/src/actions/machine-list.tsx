import type { Machine } from "../api/types.ts";
import { shownState } from "../words/words.ts";

const MOST = 8;

/** Names of machines with what they are doing; of many the first ones. */
export function MachineList({ machines }: { readonly machines: readonly Machine[] }) {
  const rest = machines.length - MOST;
  return (
    <ul className="dialog__machines">
      {machines.slice(0, MOST).map((machine) => (
        <li key={machine.name}>
          <strong>{machine.name}</strong> <span className="u-text--muted">{shownState(machine).word}</span>
        </li>
      ))}
      {rest > 0 && <li>and {rest} more</li>}
    </ul>
  );
}
