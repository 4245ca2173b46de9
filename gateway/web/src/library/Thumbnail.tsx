import { useEffect, useState } from "react";

import type { CaptureMotion } from "../api/messages";
import { useWords } from "../words";
import { useLibraryApi, type LibraryApi, type LibraryCapture } from "./api";
import { Figure } from "./Figure";
import { frameAt, stillFrame } from "./motion";
import { MotionStore } from "./MotionStore";
import { movement } from "./movement";

export interface ThumbnailProps {
  readonly capture: LibraryCapture;
  /** Whether it moves. */
  readonly moving: boolean;
}

/** How long a picture must be on the page before it is loaded, so that fast scrolling loads nothing. */
const SETTLE_MS = 150;
/** When to ask again if no answer could be had. */
const AGAIN_MS = 5000;

/** A small picture of a capture's landmarks, in motion. It is decoration: the words beside it say what it is. */
export function Thumbnail({ capture, moving }: ThumbnailProps) {
  const kept = capture.state === "kept";
  return (
    <div className="take-picture" aria-hidden="true">
      {kept ? (
        <Picture key={capture.capture_id} captureId={capture.capture_id} moving={moving} />
      ) : (
        <Gone {...capture} />
      )}
    </div>
  );
}

function Gone({ state }: Pick<LibraryCapture, "state">) {
  const { cell } = useWords().library;
  return <span className="take-absent">{state === "erased" ? cell.erased : cell.withdrawn}</span>;
}

function Picture({ captureId, moving }: { readonly captureId: string; readonly moving: boolean }) {
  const { motion, absent } = useMotion(captureId);
  const { cell } = useWords().library;
  if (absent) return <span className="take-absent">{cell.noPicture}</span>;
  return motion && motion.time_ms.length > 0 && <MovingFigure motion={motion} moving={moving} />;
}

function MovingFigure({ motion, moving }: { readonly motion: CaptureMotion; readonly moving: boolean }) {
  const [frame, setFrame] = useState(() => stillFrame(motion));

  useEffect(() => {
    if (!moving) return undefined;
    let begin: number | null = null;
    const stop = movement.add((now) => {
      begin ??= now;
      setFrame(frameAt(motion, now - begin));
    });
    return () => {
      stop();
      setFrame(stillFrame(motion));
    };
  }, [motion, moving]);

  return <Figure motion={motion} frame={frame} />;
}

const STORES = new WeakMap<LibraryApi, MotionStore>();

function storeFor(api: LibraryApi): MotionStore {
  const store = STORES.get(api) ?? new MotionStore(api);
  STORES.set(api, store);
  return store;
}

function useMotion(captureId: string): { readonly motion: CaptureMotion | null; readonly absent: boolean } {
  const store = storeFor(useLibraryApi());
  const [motion, setMotion] = useState(() => store.kept(captureId));
  const [failures, setFailures] = useState(0);
  const [absent, setAbsent] = useState(false);
  const asking = motion === null && !absent;

  useEffect(() => {
    if (!asking) return undefined;
    const gone = new AbortController();
    const load = async () => {
      const answer = await store.load(captureId, gone.signal);
      if (gone.signal.aborted) return;
      if (answer === "later") setFailures((count) => count + 1);
      else if (answer === "absent") setAbsent(true);
      else setMotion(answer);
    };
    const timer = window.setTimeout(() => void load(), failures ? AGAIN_MS : SETTLE_MS);
    return () => {
      window.clearTimeout(timer);
      gone.abort();
    };
  }, [captureId, asking, failures, store]);

  return { motion, absent: absent || (asking && failures > 0) };
}
