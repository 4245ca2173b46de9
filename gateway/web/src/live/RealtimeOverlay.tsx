import { useEffect, useRef, type RefObject } from "react";

import type { LiveResult } from "../api/messages";
import type { Size } from "../camera/grab";
import { useWords } from "../words";
import { coloursOf } from "./colours";
import { drawDetections } from "./drawDetections";
import { backing, fitted } from "./geometry";
import { useRealtime } from "./useRealtime";

export interface RealtimeOverlayProps {
  /** The element that shows the camera's picture. The canvases cover it. */
  readonly video: RefObject<HTMLVideoElement | null>;
  readonly mirrored?: boolean;
}

/**
 * Draws a result over the picture in which it was found, not over the camera's current one: a result is some tenths of a
 * second old. Both stay until the next result.
 */
export function RealtimeOverlay({ video, mirrored = true }: RealtimeOverlayProps) {
  const { client, state } = useRealtime();
  const { lastResult } = state;
  const { live } = useWords();
  const canvas = useRef<HTMLCanvasElement>(null);
  const under = useRef<HTMLCanvasElement>(null);

  useEffect(() => {
    const element = canvas.current;
    const below = under.current;
    /* v8 ignore next -- both canvases are always rendered; only the types have null */
    if (!element || !below) return undefined;
    const jpeg = lastResult && client.frameOf(lastResult.frame_index);
    let picture: ImageBitmap | null = null;
    let over = false;
    const redraw = () => {
      drawPicture(below, picture, mirrored);
      draw(element, picture ? sizeOf(picture) : shownBy(video.current), lastResult, mirrored);
      if (lastResult) element.dataset.frame = `${lastResult.frame_index}`;
      else delete element.dataset.frame;
    };
    // decoding takes a moment; until then the last result stays, with its own picture
    let decided = false;
    const show = (bitmap: ImageBitmap | null) => {
      if (over) return bitmap?.close();
      picture = bitmap;
      decided = true;
      return redraw();
    };
    if (jpeg && typeof createImageBitmap === "function") void decoded(jpeg).then(show);
    else show(null);
    // the observer calls this at once, before the picture is decoded
    const leave = whenResized(element, video.current, () => decided && redraw());
    return () => {
      over = true;
      picture?.close();
      leave();
    };
  }, [client, lastResult, mirrored, video]);

  return (
    <>
      <canvas ref={under} className="live-picture" aria-hidden="true" />
      <canvas ref={canvas} className="live-overlay" role="img" aria-label={live.overlay} />
    </>
  );
}

async function decoded(jpeg: BlobPart): Promise<ImageBitmap | null> {
  try {
    return await createImageBitmap(new Blob([jpeg], { type: "image/jpeg" }));
  } catch {
    return null; // then the result is drawn over the camera's own picture
  }
}

function sizeOf({ width, height }: ImageBitmap): Size {
  return { width, height };
}

function shownBy(video: HTMLVideoElement | null): Size | null {
  return video?.videoWidth && video.videoHeight ? { width: video.videoWidth, height: video.videoHeight } : null;
}

/** Clears a canvas and gives it the screen's resolution. Null if the browser cannot draw on it. */
function prepared(canvas: HTMLCanvasElement): { context: CanvasRenderingContext2D; size: Size; ratio: number } | null {
  const context = canvas.getContext("2d");
  if (!context) return null;
  const size = { width: canvas.clientWidth, height: canvas.clientHeight };
  const ratio = window.devicePixelRatio;
  const pixels = backing(size, ratio);
  if (canvas.width !== pixels.width || canvas.height !== pixels.height) Object.assign(canvas, pixels);
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  return { context, size, ratio };
}

function drawPicture(canvas: HTMLCanvasElement, picture: ImageBitmap | null, mirrored: boolean): void {
  if (!picture) {
    canvas.width = 0; // an empty canvas lets the camera's own picture show
    return;
  }
  const surface = prepared(canvas);
  if (!surface) return;
  const { context, size, ratio } = surface;
  const { left, top, width, height } = fitted(sizeOf(picture), size, "contain");
  if (mirrored) context.setTransform(-ratio, 0, 0, ratio, ratio * size.width, 0);
  else context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.drawImage(picture, left, top, width, height);
}

function whenResized(canvas: HTMLCanvasElement, video: HTMLVideoElement | null, redraw: () => void): () => void {
  const observer = new ResizeObserver(redraw);
  observer.observe(canvas);
  video?.addEventListener("resize", redraw); // the person turned the device, so the picture has other proportions
  return () => {
    observer.disconnect();
    video?.removeEventListener("resize", redraw);
  };
}

function draw(canvas: HTMLCanvasElement, shape: Size | null, result: LiveResult | null, mirrored: boolean): void {
  const surface = prepared(canvas);
  if (!surface || !result || !shape) return;
  const { context, size, ratio } = surface;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const picture = fitted(shape, size, "contain");
  drawDetections(context, result, { size, picture, mirrored, colours: coloursOf(canvas) });
}
