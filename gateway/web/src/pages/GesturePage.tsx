import { Page } from "../components/Page";

export function GesturePage() {
  return (
    <Page title="Capture a gesture">
      <p>This page is not built yet.</p>
    </Page>
  );
}
