/** What a camera delivers: normal pictures, black ones, or the same picture all the time. */
export type Picture = "live" | "black" | "still";

export const THUMB = { width: 32, height: 24 };

/** A picture is black if no value exceeds this, of 255. The noise of a camera in the dark is brighter. */
const BLACK = 20;
const BLACK_MS = 1000;
/** Two pictures of a working camera are never equal, but a browser may deliver one twice. So equal ones may last this long. */
const STILL_MS = 2000;

/** Detects a black or frozen picture from small copies. Many cameras do not report that they are muted or covered. */
export class PictureWatch {
  #last: Uint8ClampedArray | null = null;
  #movedAtMs = 0;
  #lightAtMs = 0;

  /** Checks the next picture, at `nowMs`. `pixels` are RGBA; null if the browser does not give them, which counts as live. */
  check(pixels: Uint8ClampedArray | null, nowMs: number): Picture {
    if (!pixels) return "live";
    const first = this.#last === null;
    const moved = first || pixels.some((value, place) => value !== this.#last?.[place]);
    const light = pixels.some((value, place) => place % 4 !== 3 && value > BLACK);
    this.#last = pixels;
    if (moved) this.#movedAtMs = nowMs;
    if (light || first) this.#lightAtMs = nowMs;
    if (nowMs - this.#lightAtMs >= BLACK_MS) return "black";
    return nowMs - this.#movedAtMs >= STILL_MS ? "still" : "live";
  }
}

const canvases = new WeakMap<HTMLVideoElement, HTMLCanvasElement>();

/** A small copy of the picture that `video` shows, RGBA; null if the browser does not give it. */
export function thumbnail(video: HTMLVideoElement): Uint8ClampedArray | null {
  const canvas = canvases.get(video) ?? Object.assign(document.createElement("canvas"), THUMB);
  canvases.set(video, canvas);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return null;
  try {
    context.drawImage(video, 0, 0, THUMB.width, THUMB.height);
    return context.getImageData(0, 0, THUMB.width, THUMB.height).data;
  } catch {
    return null; // browsers that prevent fingerprinting refuse to read pixels
  }
}
