import Notification from "@canonical/react-components/dist/esm/components/Notifications/Notification";
import type { Failure } from "../api/types.ts";
import { Marked } from "./marked.tsx";

interface Props {
  /** What could not be done. */
  readonly title: string;
  readonly failure: Failure;
  readonly onDismiss?: () => void;
}

/** What failed, why, and what to do. */
export function FailureNotice({ title, failure, onDismiss }: Props) {
  return (
    <Notification severity="negative" title={title} role="alert" {...(onDismiss && { onDismiss })}>
      <span className="failure-why">
        <Marked text={failure.message} />
      </span>
      {failure.hint !== "" && (
        <span className="failure-next">
          <Marked text={failure.hint} />
        </span>
      )}
    </Notification>
  );
}
