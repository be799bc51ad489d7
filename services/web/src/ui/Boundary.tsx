import { Component, type ReactNode } from "react";
import { Button } from "./controls";

type Props = { children: ReactNode };

/** Shows what can be done when a part of the page cannot be loaded: offline, or after the service was upgraded. */
export class Boundary extends Component<Props, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <main id="main" className="page">
        <div className="empty" role="alert">
          <h1>This page could not be loaded</h1>
          <p>The service may have been upgraded, or the network is away.</p>
          <Button main onClick={() => location.reload()}>
            Load it again
          </Button>
        </div>
      </main>
    );
  }
}
