import Notification from "@canonical/react-components/dist/esm/components/Notifications/Notification";
import type { Tried } from "../api/types.ts";
import { ProblemList } from "../configuration/problem-list.tsx";
import { FailureNotice } from "../parts/failure-notice.tsx";
import { TextView } from "../parts/text-view.tsx";
import { useStore } from "../state/use-store.ts";

/** What came of it, and what to paste. */
export function TryResult({ tried: { problems, reading, error, yaml } }: { readonly tried: Tried }) {
  const file = useStore((state) => state.status?.configuration);
  const errors = problems.filter(({ severity }) => severity === "error");
  const warnings = problems.filter(({ severity }) => severity === "warning");
  return (
    <section aria-label="What came of the test">
      {errors.length > 0 && <ProblemList title="This would not be a valid configuration" problems={errors} />}
      {error && <FailureNotice title="The device could not be asked" failure={error} />}
      {reading && (
        <Notification
          severity={reading.state === "unknown" ? "caution" : "positive"}
          title={`It works: the machine reads ${reading.state}, ${reading.confidence}`}
        >
          {reading.evidence.join(", ") || reading.reason || ""}
        </Notification>
      )}
      {warnings.length > 0 && <ProblemList title="Worth knowing" problems={warnings} />}
      {errors.length === 0 && (
        <>
          <p className="add__step">
            <strong>4. Paste it</strong> into{" "}
            {file ? <code>{file}</code> : "your configuration (maasochist init makes one)"}. It is taken over as soon as
            the file is saved.
          </p>
          <TextView text={yaml} what="the machine's configuration" />
        </>
      )}
    </section>
  );
}
