import { useEffect, useState } from "react";

import { failureOf, type Failure } from "../api/failure";
import { useAccess } from "../api/token";
import { Button } from "../components/Button";
import { ErrorBanner } from "../components/ErrorBanner";

export interface LandmarkPictureProps {
  readonly captureId: string;
}

/** A few moments of a recorded capture, drawn from its landmarks by the server. */
export function LandmarkPicture({ captureId }: LandmarkPictureProps) {
  const [attempt, setAttempt] = useState(0);
  return <Attempt key={attempt} captureId={captureId} onAgain={() => setAttempt(attempt + 1)} />;
}

interface AttemptProps extends LandmarkPictureProps {
  readonly onAgain: () => void;
}

function Attempt({ captureId, onAgain }: AttemptProps) {
  const { send } = useAccess();
  const [address, setAddress] = useState<string | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);

  useEffect(() => {
    const gone = new AbortController();
    const { signal } = gone;
    // fetched, for an <img> cannot carry the token
    async function load() {
      try {
        const answer = await send("GET", `/captures/${captureId}/preview.png`, { signal });
        const picture = await answer.blob();
        if (!signal.aborted) setAddress(URL.createObjectURL(picture));
      } catch (error) {
        if (!signal.aborted) setFailure(failureOf(error));
      }
    }
    void load();
    return () => gone.abort();
  }, [captureId, send]);

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
      {address && <img src={address} alt="Skeletons of body, hands and face at a few moments of the capture" />}
      {!failure && (
        <figcaption>
          {address
            ? "A few moments of the capture, as the landmarks that were kept. The pictures of the camera are gone."
            : "Loading a picture of the landmarks …"}
        </figcaption>
      )}
    </figure>
  );
}
