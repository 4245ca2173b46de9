import { Component, type ReactNode } from "react";

import { failureOf, type Failure } from "../api/failure";
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
    return (
      <main className="page">
        <h1>This page has failed</h1>
        <ErrorBanner failure={this.state.failure}>
          <Button onClick={() => window.location.reload()}>Load the page again</Button>
        </ErrorBanner>
        <p>If it happens again, try a newer browser: Chrome or Edge 109, Firefox 115, Safari 16, or later.</p>
      </main>
    );
  }
}
