import { Button } from "../components/Button";
import { Card } from "../components/Card";
import { Page } from "../components/Page";
import { navigate } from "../navigation";
import { SessionCard } from "../session/SessionCard";
import { useSession } from "../session/useSession";
import { useWords } from "../words";

/** The page that only starts and ends a session. */
export function SessionPage() {
  const { session } = useSession();
  const { page, none } = useWords().session;
  return (
    <Page title={page.title} lead={page.lead}>
      <SessionCard />
      <Card title={page.inSession}>
        <div className="actions">
          <Button blocked={session ? undefined : none} onClick={() => navigate("/demo/gesture")}>
            {page.goOn}
          </Button>
        </div>
      </Card>
    </Page>
  );
}
