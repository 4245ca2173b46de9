import { useMay, useVisitor } from "../api/token";
import { at } from "../base";
import { InsecureNotice } from "../camera/InsecureNotice";
import { Card } from "../components/Card";
import { Page } from "../components/Page";
import { Link } from "../navigation";
import { useWords } from "../words";
import { Readiness } from "./Readiness";

/** What a person can do, each with its page. */
const WAYS = [
  { to: "/demo/gesture", words: "record" },
  { to: "/record", words: "study" },
  { to: "/live", words: "live" },
  { to: "/upload", words: "upload" },
] as const;

/** The first page: what the product does, and links to the other pages. */
export function HomePage() {
  const { who } = useVisitor();
  const allows = useMay();
  const { home, common, operate } = useWords();
  return (
    <Page title={home.title} lead={home.lead}>
      <InsecureNotice />
      <div className="cards">
        {(allows("record") ? WAYS : []).map(({ to, words }) => (
          <Card key={to} title={home[words].title}>
            <p>{home[words].text}</p>
            <p>
              <Link className="button button-primary" to={to}>
                {home[words].link}
              </Link>
            </p>
          </Card>
        ))}
      </div>
      <Card title={home.kept.title}>
        <p>{home.kept.numbers}</p>
        <p>{home.kept.library}</p>
        <p>
          <Link className="button button-quiet" to="/library">
            {home.kept.link}
          </Link>
        </p>
        <p>
          {home.kept.programs}{" "}
          <a href={at("/docs")} target="_blank" rel="noopener">
            {home.kept.interfaces}
          </a>{" "}
          {common.newTab}.
        </p>
        <Readiness />
        {who && allows("operate") && (
          <p>
            <Link to="/operate">{operate.title}</Link>
          </p>
        )}
      </Card>
    </Page>
  );
}
