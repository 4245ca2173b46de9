import { useCallback, useEffect } from "react";

import { Button } from "../components/Button";
import { Card } from "../components/Card";
import { ErrorBanner } from "../components/ErrorBanner";
import { useWords } from "../words";
import { useLibraryApi } from "./api";
import { MotionPlayer } from "./MotionPlayer";
import { useAnswer } from "./useAnswer";

export interface MotionCardProps {
  readonly captureId: string;
  readonly playing: boolean;
  readonly onPlay: (playing: boolean) => void;
  /** Whether a key starts and stops it. */
  readonly keys: boolean;
  /** Called if the server says that the capture was withdrawn or erased meanwhile. */
  readonly onGone: () => void;
}

const GONE: ReadonlySet<string> = new Set(["capture_withdrawn", "capture_erased"]);

/** The movement of a capture that is kept. */
export function MotionCard({ captureId, onGone, ...player }: MotionCardProps) {
  const api = useLibraryApi();
  const { libraryCapture: texts } = useWords();
  const ask = useCallback(() => api.motion(captureId, "full"), [api, captureId]);
  const { answer: motion, failure, reload } = useAnswer(ask);
  const gone = failure !== null && GONE.has(failure.code);
  useEffect(() => {
    if (gone) onGone();
  }, [gone, onGone]);
  return (
    <Card title={texts.motion.title}>
      <ErrorBanner failure={gone ? null : failure}>
        <Button tone="quiet" onClick={reload}>
          {texts.load}
        </Button>
      </ErrorBanner>
      {motion ? (
        <MotionPlayer motion={motion} {...player} />
      ) : (
        !failure && <p className="motion motion-waits">{texts.motion.loading}</p>
      )}
    </Card>
  );
}
