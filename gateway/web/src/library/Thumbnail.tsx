import { useEffect, useRef, useState } from "react";

import type { CaptureMotion } from "../api/messages";
import { coloursOf } from "../live/colours";
import { backing } from "../live/geometry";
import { useLibraryApi, type LibraryApi, type LibraryCapture } from "./api";
import { drawFrame, frameAt, stillFrame } from "./motion";
import { MotionStore } from "./MotionStore";
import { movement } from "./movement";

export interface ThumbnailProps {
  readonly capture: LibraryCapture;
  /** Whether it moves. */
  readonly moving: boolean;
}

/** How long a picture must be on the page before it is loaded, so that fast scrolling loads nothing. */
const SETTLE_MS = 150;

/** A small picture of a capture's landmarks, in motion. It is decoration: the words beside it say what it is. */
export function Thumbnail({ capture, moving }: ThumbnailProps) {
  const kept = capture.state === "kept";
  return (
    <div className="take-picture" aria-hidden="true">
      {kept ? (
        <Figure key={capture.capture_id} captureId={capture.capture_id} moving={moving} />
      ) : (
        <Gone {...capture} />
      )}
    </div>
  );
}

function Gone({ state }: Pick<LibraryCapture, "state">) {
  return <span className="take-absent">{state === "erased" ? "Erased" : "Withdrawn"}</span>;
}

function Figure({ captureId, moving }: { readonly captureId: string; readonly moving: boolean }) {
  const { motion, absent } = useMotion(captureId);
  const canvas = useRef<HTMLCanvasElement>(null);

  useEffect(() => {
    const drawn = canvas.current;
    if (!drawn || !motion || motion.time_ms.length === 0) return undefined;
    const draw = drawerOf(drawn, motion);
    draw(stillFrame(motion));
    if (!moving) return undefined;
    let begin: number | null = null;
    let shown = -1;
    return movement.add((now) => {
      begin ??= now;
      const frame = frameAt(motion, now - begin);
      if (frame !== shown) draw(frame);
      shown = frame;
    });
  }, [motion, moving]);

  if (absent) return <span className="take-absent">No picture</span>;
  return <canvas ref={canvas} className={motion ? "take-canvas" : "take-canvas take-loading"} />;
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
  const [absent, setAbsent] = useState(false);
  const loaded = motion !== null;

  useEffect(() => {
    if (loaded) return undefined;
    const gone = new AbortController();
    const timer = window.setTimeout(async () => {
      const answer = await store.load(captureId, gone.signal);
      if (gone.signal.aborted) return;
      setMotion(answer);
      setAbsent(answer === null);
    }, SETTLE_MS);
    return () => {
      window.clearTimeout(timer);
      gone.abort();
    };
  }, [captureId, loaded, store]);

  return { motion, absent };
}

/** A function that draws one frame of a movement on a canvas, in the pixels of the screen. */
function drawerOf(canvas: HTMLCanvasElement, motion: CaptureMotion): (frame: number) => void {
  const ratio = window.devicePixelRatio;
  const size = backing({ width: canvas.clientWidth, height: canvas.clientHeight }, ratio);
  Object.assign(canvas, size);
  const context = canvas.getContext("2d");
  const colours = coloursOf(canvas);
  return (frame) => {
    if (context) drawFrame(context, motion, frame, { ...size, ratio }, colours);
  };
}
