import Button from "@canonical/react-components/dist/esm/components/Button";
import { useAct } from "../actions/actions.tsx";
import type { Machine } from "../api/types.ts";
import { useSession } from "../state/use-session.ts";
import { isProtected, mayNotLock, whyNot, whyNotNow } from "../words/allowed.ts";
import { VERB_WORDS, VERBS } from "../words/words.ts";

/** What can be asked of the machine; and beneath, why some of it cannot. */
export function Buttons({ machine }: { readonly machine: Machine }) {
  const session = useSession();
  const act = useAct();
  const shown = VERBS.filter((verb) => verb !== "reset" || machine.verbs.includes("reset"));
  const reasons = new Set(shown.flatMap((verb) => whyNot(machine, verb, session) ?? []));
  if (isProtected(machine, "off") && machine.refuses) reasons.add(machine.refuses.message);
  const noLocking = mayNotLock(session);
  // The notice above says it already.
  const said = machine.lock !== undefined || !machine.enabled;
  return (
    <div className="machine-buttons">
      {shown.map((verb) => {
        const why = whyNotNow(machine, verb, session);
        return (
          <Button key={verb} disabled={why !== undefined} title={why} onClick={() => act(verb, [machine])}>
            {VERB_WORDS[verb].name}
            {verb !== "on" && "…"}
          </Button>
        );
      })}
      <Button disabled={machine.checking} onClick={() => act("check", [machine])}>
        Check power
      </Button>
      <Button
        disabled={noLocking !== undefined}
        title={noLocking}
        onClick={() => act(machine.lock ? "unlock" : "lock", [machine])}
      >
        {machine.lock ? "Unlock" : "Lock…"}
      </Button>
      {!said && reasons.size > 0 && <p className="machine-buttons__why">{[...reasons].join(" ")}</p>}
    </div>
  );
}
