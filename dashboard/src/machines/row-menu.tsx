import { useAct } from "../actions/actions.tsx";
import type { Machine } from "../api/types.ts";
import { Menu, type MenuItem } from "../parts/menu.tsx";
import { machinePath, navigate } from "../router.tsx";
import { useSession } from "../state/use-session.ts";
import { mayNotLock, whyNotNow } from "../words/allowed.ts";
import { VERB_WORDS, VERBS } from "../words/words.ts";

/** What can be asked of one machine. */
export function RowMenu({ machine }: { readonly machine: Machine }) {
  const session = useSession();
  const act = useAct();
  const groups = (): readonly (readonly MenuItem[])[] => [
    VERBS.filter((verb) => verb !== "reset" || machine.verbs.includes("reset")).map((verb) => ({
      label: VERB_WORDS[verb].menu,
      why: whyNotNow(machine, verb, session),
      onChoose: () => act(verb, [machine]),
    })),
    [
      { label: "Check power", onChoose: () => act("check", [machine]) },
      {
        label: machine.lock ? "Unlock" : "Lock…",
        why: mayNotLock(session),
        onChoose: () => act(machine.lock ? "unlock" : "lock", [machine]),
      },
      { label: "Details", onChoose: () => navigate(machinePath(machine.name)) },
    ],
  ];
  return <Menu label={`Take action on ${machine.name}`} groups={groups} />;
}
