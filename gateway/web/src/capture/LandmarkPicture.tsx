import { useEffect, useState } from "react";

import { failureOf, type Failure } from "../api/failure";
import { useAccess } from "../api/token";
import { Button } from "../components/Button";
import { ErrorBanner } from "../components/ErrorBanner";
import { useWords } from "../words";

export interface LandmarkPictureProps {
  readonly captureId: string;
  /** A sentence that says what happened to the original pictures. */
  readonly note?: string;
}

type View = "still" | "moving";

const FILES: Readonly<Record<View, string>> = { still: "preview.png", moving: "animation.gif" };

/**
 * A recorded capture, which the server draws from its landmarks: a few moments, or the whole capture in motion. Nothing
 * moves until the person asks for it, and the person can stop it (WCAG 2.2.2).
 */
export function LandmarkPicture({ captureId, note }: LandmarkPictureProps) {
  const [view, setView] = useState<View>("still");
  const [attempt, setAttempt] = useState(0);
  const { picture } = useWords().capture;
  return (
    <div className="stack">
      <Attempt
        key={`${view} ${attempt}`}
        captureId={captureId}
        note={note ?? picture.note}
        view={view}
        onAgain={() => setAttempt(attempt + 1)}
      />
      <div className="actions">
        <Button tone="quiet" onClick={() => setView(view === "still" ? "moving" : "still")}>
          {picture[view].leave}
        </Button>
      </div>
    </div>
  );
}

interface AttemptProps extends Required<LandmarkPictureProps> {
  readonly view: View;
  readonly onAgain: () => void;
}

function Attempt({ captureId, note, view, onAgain }: AttemptProps) {
  const { send } = useAccess();
  const { picture } = useWords().capture;
  const { alt, caption, loading } = picture[view];
  const file = FILES[view];
  const [address, setAddress] = useState<string | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);

  useEffect(() => {
    const gone = new AbortController();
    const { signal } = gone;
    // fetched here, because an <img> cannot send the token
    async function load() {
      try {
        const answer = await send("GET", `/captures/${captureId}/${file}`, { signal });
        const blob = await answer.blob();
        if (!signal.aborted) setAddress(URL.createObjectURL(blob));
      } catch (error) {
        if (!signal.aborted) setFailure(failureOf(error));
      }
    }
    void load();
    return () => gone.abort();
  }, [captureId, file, send]);

  useEffect(() => {
    if (!address) return undefined;
    return () => URL.revokeObjectURL(address);
  }, [address]);

  return (
    <figure className="landmarks">
      <ErrorBanner failure={failure}>
        <Button tone="quiet" onClick={onAgain}>
          {picture.again}
        </Button>
      </ErrorBanner>
      {address && (
        // on a phone the picture is wider than the screen, so that its text can be read
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a keyboard must reach an element that scrolls
        <div className="landmarks-roll" role="group" aria-label={picture.label} tabIndex={0}>
          <img src={address} alt={alt} />
        </div>
      )}
      {!failure && <figcaption>{address ? `${caption} ${note}` : loading}</figcaption>}
    </figure>
  );
}
