import { useWords } from "../words";
import { isOver, type CaptureState } from "./protocol";

/** One quiet line while the connection of a capture is lost, and about what happened then; empty otherwise. */
export function ConnectionLine({ state }: { readonly state: CaptureState | null }) {
  const texts = useWords().connection;
  // the element is always there, because screen readers announce only changes of a region that they know
  return (
    <p className="connection-line field-hint" role="status">
      {state && sentence(state, texts)}
    </p>
  );
}

function sentence(state: CaptureState, texts: ReturnType<typeof useWords>["connection"]): string | null {
  const { phase, lost, resent } = state;
  if (lost) return phase === "recording" ? texts.recording : texts.waiting;
  if (!resent || phase === "failed") return null;
  return isOver(state) ? texts.recorded : texts.sending;
}
