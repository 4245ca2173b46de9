import { Button } from "../components/Button";
import { Card } from "../components/Card";
import { Page } from "../components/Page";
import { navigate } from "../navigation";
import { NO_SESSION, SessionCard } from "../session/SessionCard";
import { useSession } from "../session/useSession";

/** Start and end a session, and nothing else. */
export function SessionPage() {
  const { session } = useSession();
  return (
    <Page title="Session" lead="Everything that is recorded belongs to a session. Start one, do your work, end it.">
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
