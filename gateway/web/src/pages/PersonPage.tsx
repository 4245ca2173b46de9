import { Page } from "../components/Page";
import type { PathParameters } from "../routes";

/** What is kept of one person, for that person. */
export function PersonPage({ parameters: { user_id } }: { readonly parameters: PathParameters }) {
  return <Page title={`What is kept of ${user_id}`}>{null}</Page>;
}
