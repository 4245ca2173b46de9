import { Page } from "../components/Page";
import { Link } from "../navigation";
import type { PathParameters } from "../routes";

/** The page of one recorded capture. */
export function CapturePage({ parameters: { capture_id } }: { readonly parameters: PathParameters }) {
  return (
    <Page title="A capture" lead={capture_id}>
      <p>
        <Link to="/library">To the library</Link>
      </p>
    </Page>
  );
}
