import { Button } from "../components/Button";
import { Card } from "../components/Card";
import { Page } from "../components/Page";
import { navigate } from "../navigation";
import { NO_SESSION, SessionCard } from "../session/SessionCard";
import { useSession } from "../session/useSession";

/** The page that only starts and ends a session. */
export function SessionPage() {
  const { session } = useSession();
  return (
    <Page title="Session" lead="Every recording belongs to a session. Start one, do your work, then end it.">
      <SessionCard />
      <Card title="In this session">
        <div className="actions">
          <Button blocked={session ? undefined : NO_SESSION} onClick={() => navigate("/demo/gesture")}>
            Go on to capture a gesture
          </Button>
        </div>
      </Card>
    </Page>
  );
}
