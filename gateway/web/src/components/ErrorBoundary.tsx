import { Component, type ReactNode } from "react";

import { failureOf, type Failure } from "../api/failure";
import { words } from "../words";
import { Button } from "./Button";
import { ErrorBanner } from "./ErrorBanner";

interface Props {
  readonly children: ReactNode;
}

interface State {
  readonly failure: Failure | null;
}

/** Shows a failure if a page cannot be rendered; without it React would leave an empty document. */
export class ErrorBoundary extends Component<Props, State> {
  override state: State = { failure: null };

  static getDerivedStateFromError(error: unknown): State {
    return { failure: failureOf(error) };
  }

  override render(): ReactNode {
    if (this.state.failure === null) return this.props.children;
    const { failed } = words().common;
    return (
      <main className="page">
        <h1>{failed.title}</h1>
        <ErrorBanner failure={this.state.failure}>
          <Button onClick={() => window.location.reload()}>{failed.reload}</Button>
        </ErrorBanner>
        <p>{failed.browser}</p>
      </main>
    );
  }
}
