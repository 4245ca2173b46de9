import { useEffect, useState } from "react";

import { failureOf, type Failure } from "../api/failure";
import { useAccess } from "../api/token";
import { Button } from "../components/Button";
import { ErrorBanner } from "../components/ErrorBanner";

export interface LandmarkPictureProps {
  readonly captureId: string;
  /** A sentence that says what happened to the original pictures. */
  readonly note?: string;
}

interface View {
  readonly file: string;
  readonly alt: string;
  readonly caption: string;
  readonly loading: string;
  /** The text of the button that changes to the other view. */
  readonly leave: string;
}

const STILL: View = {
  file: "preview.png",
  alt: "Skeletons of body, hands and face at a few moments of the capture",
  caption: "A few moments of the capture, drawn from the landmarks.",
  loading: "Loading a picture of the landmarks …",
  leave: "Show the movement",
};

const MOVING: View = {
  file: "animation.gif",
  alt: "The capture in motion, repeated: a skeleton of body, hands and face",
  caption: "The whole capture at its recorded speed, repeated.",
  loading: "Drawing the movement …",
  leave: "Show still moments",
};

/**
 * A recorded capture, which the server draws from its landmarks: a few moments, or the whole capture in motion. Nothing
 * moves until the person asks for it, and the person can stop it (WCAG 2.2.2).
 */
export function LandmarkPicture({ captureId, note = "The camera’s pictures were not kept." }: LandmarkPictureProps) {
  const [view, setView] = useState(STILL);
  const [attempt, setAttempt] = useState(0);
  return (
    <div className="stack">
      <Attempt
        key={`${view.file} ${attempt}`}
        captureId={captureId}
        note={note}
        view={view}
        onAgain={() => setAttempt(attempt + 1)}
      />
      <div className="actions">
        <Button tone="quiet" onClick={() => setView(view === STILL ? MOVING : STILL)}>
          {view.leave}
        </Button>
      </div>
    </div>
  );
}

interface AttemptProps extends LandmarkPictureProps {
  readonly view: View;
  readonly onAgain: () => void;
}

function Attempt({ captureId, note, view, onAgain }: AttemptProps) {
  const { send } = useAccess();
  const { file, alt, caption, loading } = view;
  const [address, setAddress] = useState<string | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);

  useEffect(() => {
    const gone = new AbortController();
    const { signal } = gone;
    // fetched here, because an <img> cannot send the token
    async function load() {
      try {
        const answer = await send("GET", `/captures/${captureId}/${file}`, { signal });
        const picture = await answer.blob();
        if (!signal.aborted) setAddress(URL.createObjectURL(picture));
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
          Load the picture again
        </Button>
      </ErrorBanner>
      {address && (
        // on a phone the picture is wider than the screen, so that its text can be read
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a keyboard must reach an element that scrolls
        <div className="landmarks-roll" role="group" aria-label="Picture of the landmarks" tabIndex={0}>
          <img src={address} alt={alt} />
        </div>
      )}
      {!failure && <figcaption>{address ? `${caption} ${note}` : loading}</figcaption>}
    </figure>
  );
}
