import { Page } from "../components/Page";
import { Link } from "../navigation";

/** The page for an unknown address. */
export function NotFoundPage() {
  return (
    <Page title="There is no page here">
      <p>
        The address may be misspelled. <Link to="/">Go to the first page.</Link>
      </p>
    </Page>
  );
}
