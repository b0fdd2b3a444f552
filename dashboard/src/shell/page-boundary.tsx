import { Component, type ReactNode } from "react";
import { failureFrom } from "../api/client.ts";
import type { Failure } from "../api/types.ts";
import { FailureNotice } from "../parts/failure-notice.tsx";

interface Props {
  readonly children: ReactNode;
}

interface State {
  readonly failure?: Failure;
}

/** A page that fails does not take the others with it. React has this only as a class. */
export class PageBoundary extends Component<Props, State> {
  override readonly state: State = {};

  static getDerivedStateFromError(thrown: unknown): State {
    return { failure: failureFrom(thrown) };
  }

  override render(): ReactNode {
    const { failure } = this.state;
    if (!failure) return this.props.children;
    return (
      <div className="page">
        <FailureNotice title="This page failed" failure={failure} />
        <button type="button" className="p-button" onClick={() => window.location.reload()}>
          Load it anew
        </button>
      </div>
    );
  }
}
