import { Page } from "../components/Page";

export function LivePage() {
  return (
    <Page title="Live view">
      <p>This page is not built yet.</p>
    </Page>
  );
}
