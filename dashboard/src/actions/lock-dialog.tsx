import Button from "@canonical/react-components/dist/esm/components/Button";
import { useState } from "react";
import type { Machine } from "../api/types.ts";
import { Dialog } from "../parts/dialog.tsx";
import { number } from "../words/words.ts";
import { lock } from "./act.ts";
import { MachineList } from "./machine-list.tsx";

interface Props {
  readonly machines: readonly Machine[];
  readonly onClose: () => void;
}

export default function LockDialog({ machines, onClose }: Props) {
  const [reason, setReason] = useState("");
  const isReady = reason.trim() !== "";
  const submit = () => {
    if (!isReady) return;
    void lock(
      machines.map(({ name }) => name),
      reason.trim(),
    );
    onClose();
  };
  return (
    <Dialog
      title="Lock"
      onClose={onClose}
      onSubmit={submit}
      buttons={
        <>
          <Button type="button" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" appearance="positive" disabled={!isReady}>
            {`Lock ${number(machines.length, "machine")}`}
          </Button>
        </>
      }
    >
      <p>
        A locked machine takes no power actions, from MAAS neither, until somebody unlocks it. Its power is still
        checked.
      </p>
      <MachineList machines={machines} />
      <label className="dialog__field">
        <span>Reason (required; others will read it)</span>
        <input
          type="text"
          required
          maxLength={1_000}
          autoComplete="off"
          value={reason}
          onChange={(event) => setReason(event.target.value)}
        />
      </label>
    </Dialog>
  );
}
