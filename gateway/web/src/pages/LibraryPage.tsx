import { Page } from "../components/Page";

/** All recorded captures. */
export function LibraryPage() {
  return <Page title="Library">{null}</Page>;
}
