import Button from "@canonical/react-components/dist/esm/components/Button";
import Notification from "@canonical/react-components/dist/esm/components/Notifications/Notification";
import { useState } from "react";
import type { Machine, Verb } from "../api/types.ts";
import { Dialog } from "../parts/dialog.tsx";
import { useSession } from "../state/use-session.ts";
import { isProtected, whyNot } from "../words/allowed.ts";
import { number, VERB_WORDS } from "../words/words.ts";
import { order } from "./act.ts";
import { MachineList } from "./machine-list.tsx";

interface Props {
  readonly verb: Verb;
  readonly machines: readonly Machine[];
  readonly onClose: () => void;
}

/** More than these are switched off only by who says how many they are. */
const MANY = 5;

export default function PowerDialog({ verb, machines, onClose }: Props) {
  const session = useSession();
  const [how, setHow] = useState<"soft" | "hard">("soft");
  const [force, setForce] = useState(false);
  const [reason, setReason] = useState("");
  const [typed, setTyped] = useState("");
  const { name, warning } = VERB_WORDS[verb];

  const refused = machines.flatMap((machine) => {
    const why = whyNot(machine, verb, session);
    return why === undefined ? [] : [{ machine, why }];
  });
  const able = machines.filter((machine) => whyNot(machine, verb, session) === undefined);
  const kept = able.filter((machine) => isProtected(machine, verb));
  const taken = force ? able : able.filter((machine) => !kept.includes(machine));
  const asksCount = warning !== undefined && taken.length > MANY;
  const isReady = taken.length > 0 && (!asksCount || typed.trim() === String(taken.length));

  const submit = () => {
    if (!isReady) return;
    void order(
      taken.map((machine) => machine.name),
      {
        verb,
        ...(verb === "off" && how === "hard" && { how }),
        ...(reason.trim() !== "" && { reason: reason.trim() }),
        ...(force && { force }),
      },
    );
    onClose();
  };

  return (
    <Dialog
      title={name}
      onClose={onClose}
      onSubmit={submit}
      buttons={
        <>
          <Button type="button" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" appearance={warning === undefined ? "positive" : "negative"} disabled={!isReady}>
            {`${name} ${number(taken.length, "machine")}`}
          </Button>
        </>
      }
    >
      {verb === "off" && <HowToPowerOff how={how} onChange={setHow} />}
      {warning !== undefined && (
        <Notification severity="caution" className="dialog__warning">
          {verb === "off" && how === "soft" && "Where nothing can ask, or asking does not help: "}
          {warning}
        </Notification>
      )}
      <MachineList machines={taken} />
      {refused.length > 0 && <LeftOut title={`${number(refused.length, "machine")} left out`} machines={refused} />}
      {kept.length > 0 && (
        <>
          <LeftOut
            title={`${number(kept.length, "protected machine")}${force ? "" : " left out"}`}
            machines={kept.map((machine) => ({ machine, why: machine.refuses?.message ?? "" }))}
          />
          <label className="p-checkbox">
            <input
              type="checkbox"
              className="p-checkbox__input"
              checked={force}
              onChange={(event) => setForce(event.target.checked)}
            />
            <span className="p-checkbox__label">Pass their protection</span>
          </label>
        </>
      )}
      <Field label="Reason (kept in the events)" value={reason} onChange={setReason} />
      {asksCount && (
        <Field
          label={`Type ${taken.length} to confirm that it is that many`}
          value={typed}
          onChange={setTyped}
          numeric
        />
      )}
    </Dialog>
  );
}

interface HowProps {
  readonly how: "soft" | "hard";
  readonly onChange: (how: "soft" | "hard") => void;
}

function HowToPowerOff({ how, onChange }: HowProps) {
  const ways = [
    { value: "soft", label: "Soft first: the OS is asked to shut down; hard if it does not" },
    { value: "hard", label: "Hard, at once" },
  ] as const;
  return (
    <fieldset className="dialog__how">
      <legend className="u-off-screen">How to power off</legend>
      {ways.map(({ value, label }) => (
        <label className="p-radio" key={value}>
          <input
            type="radio"
            className="p-radio__input"
            name="how"
            checked={how === value}
            onChange={() => onChange(value)}
          />
          <span className="p-radio__label">{label}</span>
        </label>
      ))}
    </fieldset>
  );
}

interface LeftOutProps {
  readonly title: string;
  readonly machines: readonly { readonly machine: Machine; readonly why: string }[];
}

function LeftOut({ title, machines }: LeftOutProps) {
  return (
    <details className="dialog__left-out" open={machines.length <= 3}>
      <summary>{title}</summary>
      <ul>
        {machines.slice(0, 50).map(({ machine, why }) => (
          <li key={machine.name}>
            <strong>{machine.name}</strong>: {why}
          </li>
        ))}
      </ul>
    </details>
  );
}

interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly numeric?: boolean;
}

function Field({ label, value, onChange, numeric = false }: FieldProps) {
  return (
    <label className="dialog__field">
      <span>{label}</span>
      <input
        type="text"
        value={value}
        maxLength={1_000}
        autoComplete="off"
        {...(numeric && { inputMode: "numeric" })}
        onChange={(event) => onChange(event.target.value)}
      />
    </label>
  );
}
