import Button from "@canonical/react-components/dist/esm/components/Button";
import Notification from "@canonical/react-components/dist/esm/components/Notifications/Notification";
import { type SyntheticEvent, useMemo, useState } from "react";
import { ask, failureFrom } from "../api/client.ts";
import type { Driver, Failure, Tried } from "../api/types.ts";
import { FailureNotice } from "../parts/failure-notice.tsx";
import { Link } from "../router.tsx";
import { announce } from "../state/announce.ts";
import { useSession } from "../state/use-session.ts";
import { useStore } from "../state/use-store.ts";
import { FieldInput } from "./field-input.tsx";
import { HubChoice } from "./hub-choice.tsx";
import { type Field, fieldsOf, missingOf, type Schema, settingsOf, type Typed } from "./schema-fields.ts";
import { TryResult } from "./try-result.tsx";

/** Facts of the machine itself, whatever switches it. */
const FACTS: readonly Field[] = [
  fact("address", "IP address of the machine itself"),
  fact("mac", "MAC address of the machine: MAAS knows it by that"),
  fact("description", "For people"),
  { kind: "list", key: "tags", description: "To find and switch several together", required: false, reads: ["string"] },
];
const TRY_TIMEOUT_MS = 60_000;

function fact(key: string, description: string): Field {
  return { kind: "text", key, description, required: false, reads: ["string"], secret: false };
}

export function MachineForm({ driver }: { readonly driver: Driver }) {
  const { can, actor } = useSession();
  const hubs = useStore((state) => state.hubs);
  const machines = useStore((state) => state.machines);
  // A hub without a name of its own is called as its machine or its address is, and cannot be named in the file.
  const known = useMemo(
    () =>
      [...(hubs?.values() ?? [])].filter(
        (each) => each.driver === driver.name && each.name !== each.address && !machines?.has(each.name),
      ),
    [hubs, machines, driver],
  );
  const [name, setName] = useState("");
  const [hub, setHub] = useState("");
  const [typed, setTyped] = useState<Typed>({});
  const [offered, setOffered] = useState<readonly { readonly value: string; readonly label: string }[]>([]);
  const [tried, setTried] = useState<Tried>();
  const [failure, setFailure] = useState<Failure>();
  const [isBusy, setBusy] = useState(false);

  const hubFields = useMemo(() => (driver.hub === null ? [] : fieldsOf(driver.hub as Schema)), [driver]);
  const outletFields = useMemo(() => fieldsOf(driver.outlet as Schema), [driver]);
  const fields = hub === "" ? [...hubFields, ...outletFields] : outletFields;
  const missing = [...(name.trim() === "" ? ["name"] : []), ...missingOf(fields, typed, typed)];
  const change = (key: string, value: string | Typed) => {
    setTyped((before) => ({ ...before, [key]: value }));
    // What was tried is not what stands there now.
    setTried(undefined);
  };

  const test = async (event: SyntheticEvent) => {
    event.preventDefault();
    if (missing.length > 0) return;
    setBusy(true);
    setTried(undefined);
    setFailure(undefined);
    try {
      const machine = {
        ...(hub === "" ? { driver: driver.name } : { hub }),
        ...settingsOf(fields, typed),
        ...settingsOf(FACTS, typed),
      };
      const answer = await ask<Tried>("try", {
        method: "POST",
        body: { machine, name: name.trim() },
        timeoutMs: TRY_TIMEOUT_MS,
      });
      setTried(answer);
      announce(answer.reading ? `It reads ${answer.reading.state}` : "It could not be measured");
    } catch (error) {
      setFailure(failureFrom(error));
    } finally {
      setBusy(false);
    }
  };

  const inputs = (list: readonly Field[]) =>
    list.map((field) => (
      <FieldInput
        key={field.key}
        field={field}
        typed={typed[field.key]}
        onChange={(value) => change(field.key, value)}
        offered={field.key === "outlet" ? offered : []}
      />
    ));
  const needed = (list: readonly Field[]) => list.filter(({ required, key }) => required || key === "outlet");
  const optional = (list: readonly Field[]) => list.filter((field) => !needed(list).includes(field));
  const more = optional(fields);

  return (
    <form className="add" onSubmit={(event) => void test(event)}>
      <p className="add__driver">
        <strong>{driver.title}</strong> <code>{driver.name}</code> <Link to="add">another one</Link>
        <br />
        {driver.summary}
      </p>
      {!can.configure && (
        <Notification severity="information" title="Only an admin may test">
          Your role is {actor.role}. You can look at the settings here; testing and configuring is for admins.
        </Notification>
      )}
      <p className="add__step">
        <strong>2. How is it reached?</strong>
      </p>
      <div className="add__fields">
        <FieldInput
          field={{
            ...fact(
              "name",
              "Of the machine, as MAAS's URIs will have it: letters, digits, dots, dashes and underscores",
            ),
            required: true,
          }}
          typed={name}
          onChange={(value) => {
            setName(typeof value === "string" ? value : "");
            setTried(undefined);
          }}
        />
        {known.length > 0 && (
          <HubChoice
            driver={driver}
            hubs={known}
            chosen={hub}
            onChoose={(chosen) => {
              setHub(chosen);
              setOffered([]);
              setTried(undefined);
            }}
            onOutlets={setOffered}
          />
        )}
        {inputs(needed(fields))}
      </div>
      {more.length > 0 && (
        <details className="add__more">
          <summary>More settings of the driver ({more.length})</summary>
          <div className="add__fields">{inputs(more)}</div>
        </details>
      )}
      <details className="add__more">
        <summary>About the machine itself ({FACTS.length})</summary>
        <div className="add__fields">{inputs(FACTS)}</div>
      </details>
      <p className="add__step">
        <strong>3. Test it.</strong> The device is asked for the state once. Nothing is switched, and nothing is saved.
      </p>
      <p className="button-row">
        <Button type="submit" appearance="positive" disabled={isBusy || !can.configure || missing.length > 0}>
          {isBusy ? "Testing…" : "Test"}
        </Button>
        {missing.length > 0 && <span className="u-text--muted">Still missing: {missing.join(", ")}</span>}
      </p>
      {failure && <FailureNotice title="It was not tested" failure={failure} />}
      {tried && <TryResult tried={tried} />}
    </form>
  );
}
