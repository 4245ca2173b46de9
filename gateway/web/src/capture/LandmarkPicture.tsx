import { useEffect, useState } from "react";

import { failureOf, type Failure } from "../api/failure";
import { useAccess } from "../api/token";
import { Button } from "../components/Button";
import { ErrorBanner } from "../components/ErrorBanner";

export interface LandmarkPictureProps {
  readonly captureId: string;
  /** What the server did with the camera's pictures. */
  readonly note?: string;
}

interface View {
  readonly file: string;
  readonly alt: string;
  readonly caption: string;
  readonly loading: string;
  /** What the button to the other view says. */
  readonly leave: string;
}

const STILL: View = {
  file: "preview.png",
  alt: "Skeletons of body, hands and face at a few moments of the capture",
  caption: "A few moments of the capture, as the landmarks that were kept.",
  loading: "Loading a picture of the landmarks …",
  leave: "Show the movement",
};

const MOVING: View = {
  file: "animation.gif",
  alt: "The capture in motion: a skeleton of body, hands and face, over and over",
  caption: "The whole capture, as fast as it was recorded, over and over.",
  loading: "Drawing the movement …",
  leave: "Show still moments",
};

/**
 * A recorded capture, drawn from its landmarks by the server: a few of its moments, or all of it in motion. Nothing moves
 * until the person asks for it, and it can be stopped: people who prefer less motion need that.
 */
export function LandmarkPicture({ captureId, note = "The pictures of the camera are gone." }: LandmarkPictureProps) {
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
    // fetched, for an <img> cannot carry the token
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
        // on a phone it is wider than the screen, so that what is written in it can be read
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reached by keyboard
        <div className="landmarks-roll" role="group" aria-label="Picture of the landmarks" tabIndex={0}>
          <img src={address} alt={alt} />
        </div>
      )}
      {!failure && <figcaption>{address ? `${caption} ${note}` : loading}</figcaption>}
    </figure>
  );
}
