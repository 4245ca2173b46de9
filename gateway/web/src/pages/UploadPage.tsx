import { Page } from "../components/Page";

export function UploadPage() {
  return (
    <Page title="Upload a video">
      <p>This page is not built yet.</p>
    </Page>
  );
}
