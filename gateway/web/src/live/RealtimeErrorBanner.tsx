import { Button } from "../components/Button";
import { ErrorBanner } from "../components/ErrorBanner";
import { isTold } from "./failures";
import { useRealtime } from "./useRealtime";

/** Why the live connection ended, and the way back. It goes away when the connection works again. */
export function RealtimeErrorBanner() {
  const { state, reconnect, asking } = useRealtime();
  const { failure, status } = state;
  return (
    <ErrorBanner failure={failure}>
      <Button busy={asking || status === "connecting"} onClick={() => void reconnect()}>
        {failure && isTold(failure.code) ? "Retry" : "Reconnect"}
      </Button>
    </ErrorBanner>
  );
}
