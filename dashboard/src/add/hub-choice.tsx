import Button from "@canonical/react-components/dist/esm/components/Button";
import Select from "@canonical/react-components/dist/esm/components/Select";
import { useId, useState } from "react";
import { ask, failureFrom } from "../api/client.ts";
import type { Driver, Failure, Hub, ListedOutlet } from "../api/types.ts";
import { FailureNotice } from "../parts/failure-notice.tsx";
import { announce } from "../state/announce.ts";
import { useSession } from "../state/use-session.ts";
import { number } from "../words/words.ts";

interface Props {
  readonly driver: Driver;
  readonly hubs: readonly Hub[];
  /** Empty: one that is not configured yet. */
  readonly chosen: string;
  readonly onChoose: (hub: string) => void;
  readonly onOutlets: (outlets: readonly { readonly value: string; readonly label: string }[]) => void;
}

const TIMEOUT_MS = 20_000;

/** Another outlet of something that is configured already, or something new. */
export function HubChoice({ driver, hubs, chosen, onChoose, onOutlets }: Props) {
  const id = useId();
  const { can } = useSession();
  const [failure, setFailure] = useState<Failure>();
  const list = async () => {
    try {
      const path = `hubs/${encodeURIComponent(chosen)}/outlets`;
      const { outlets } = await ask<{ readonly outlets: readonly ListedOutlet[] }>(path, { timeoutMs: TIMEOUT_MS });
      onOutlets(
        outlets.map(({ outlet, label = "", state = "" }) => ({ value: outlet, label: `${label} ${state}`.trim() })),
      );
      setFailure(undefined);
      announce(`${number(outlets.length, "outlet")} to choose from`);
    } catch (error) {
      setFailure(failureFrom(error));
    }
  };
  return (
    <>
      <Select
        id={id}
        label={<code>hub</code>}
        help="One that is configured already, or a new one with the settings below."
        value={chosen}
        onChange={(event) => onChoose(event.target.value)}
        options={[{ value: "", label: "a new one" }, ...hubs.map(({ name }) => ({ value: name, label: name }))]}
      />
      {chosen !== "" && driver.lists && can.configure && (
        <Button type="button" onClick={() => void list()}>
          Ask it for its outlets
        </Button>
      )}
      {failure && <FailureNotice title="Its outlets cannot be listed" failure={failure} />}
    </>
  );
}
