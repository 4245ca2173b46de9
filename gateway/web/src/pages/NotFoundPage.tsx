import { Page } from "../components/Page";
import { Link } from "../navigation";
import { useWords } from "../words";

/** The page for an unknown address. */
export function NotFoundPage() {
  const { notFound } = useWords().home;
  return (
    <Page title={notFound.title}>
      <p>
        {notFound.text} <Link to="/">{notFound.link}</Link>
      </p>
    </Page>
  );
}
