import { useEffect, useRef, type RefObject } from "react";

import type { LiveResult } from "../api/messages";
import { drawDetections, type Colours } from "./drawDetections";
import { backing, fitted } from "./geometry";
import { useRealtime } from "./useRealtime";

export interface RealtimeOverlayProps {
  /** The picture below; the canvas lies over all of its element. */
  readonly video: RefObject<HTMLVideoElement | null>;
  readonly mirrored?: boolean;
}

/** What the server found, drawn over the picture. It stays as it is until there is another result. */
export function RealtimeOverlay({ video, mirrored = true }: RealtimeOverlayProps) {
  const { lastResult } = useRealtime().state;
  const canvas = useRef<HTMLCanvasElement>(null);

  useEffect(() => {
    const element = canvas.current;
    if (!element) return undefined;
    const redraw = () => draw(element, video.current, lastResult, mirrored);
    redraw();
    return whenResized(element, video.current, redraw);
  }, [lastResult, mirrored, video]);

  return (
    <canvas
      ref={canvas}
      className="live-overlay"
      role="img"
      aria-label="Landmarks over the picture"
      data-frame={lastResult?.frame_index}
    />
  );
}

function whenResized(canvas: HTMLCanvasElement, video: HTMLVideoElement | null, redraw: () => void): () => void {
  const observer = new ResizeObserver(redraw);
  observer.observe(canvas);
  video?.addEventListener("resize", redraw); // the device was turned: the picture has another shape
  return () => {
    observer.disconnect();
    video?.removeEventListener("resize", redraw);
  };
}

function draw(
  canvas: HTMLCanvasElement,
  video: HTMLVideoElement | null,
  result: LiveResult | null,
  mirrored: boolean,
): void {
  const context = canvas.getContext("2d");
  if (!context) return;
  const size = { width: canvas.clientWidth, height: canvas.clientHeight };
  const ratio = window.devicePixelRatio || 1;
  const pixels = backing(size, ratio);
  if (canvas.width !== pixels.width || canvas.height !== pixels.height) Object.assign(canvas, pixels);
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (!result || !video?.videoWidth || !video.videoHeight) return;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const picture = fitted({ width: video.videoWidth, height: video.videoHeight }, size, "contain");
  drawDetections(context, result, { size, picture, mirrored, colours: coloursOf(canvas) });
}

function coloursOf(element: Element): Colours {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(name).trim() || "#ffffff";
  return {
    pose: colour("--pose"),
    left_hand: colour("--left-hand"),
    right_hand: colour("--right-hand"),
    face: colour("--face"),
    other: "#ffffff",
  };
}
