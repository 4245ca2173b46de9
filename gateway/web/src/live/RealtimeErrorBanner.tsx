import { Button } from "../components/Button";
import { ErrorBanner } from "../components/ErrorBanner";
import { useWords } from "../words";
import { isServerCode } from "./failures";
import { useRealtime } from "./useRealtime";

/** Shows why the live connection ended, with a button that connects again. It disappears when the connection works. */
export function RealtimeErrorBanner() {
  const { state, reconnect, asking } = useRealtime();
  const { failure, status } = state;
  const { live } = useWords();
  return (
    <ErrorBanner failure={failure}>
      <Button busy={asking || status === "connecting"} onClick={() => void reconnect()}>
        {failure && isServerCode(failure.code) ? live.retry : live.reconnect}
      </Button>
    </ErrorBanner>
  );
}
