/** What a camera shows: something, nothing but black, or again and again the very same picture. */
export type Picture = "live" | "black" | "still";

export const THUMB = { width: 32, height: 24 };

/** A camera's noise in the dark is brighter. */
const BLACK = 20;
const BLACK_MS = 1000;
/** No two pictures of a camera that works are the same; a browser may show one twice, though. */
const STILL_MS = 2000;

/** Looks at one small picture after the other. A camera that was muted or covered often says nothing of it. */
export class PictureWatch {
  #last: Uint8ClampedArray | null = null;
  #movedAtMs = 0;
  #lightAtMs = 0;

  /** `pixels` are RGBA; null if they cannot be had, which says nothing. */
  see(pixels: Uint8ClampedArray | null, nowMs: number): Picture {
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

/** What `video` shows now, small; null if that cannot be had. */
export function thumbnail(video: HTMLVideoElement): Uint8ClampedArray | null {
  const canvas = canvases.get(video) ?? Object.assign(document.createElement("canvas"), THUMB);
  canvases.set(video, canvas);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return null;
  try {
    context.drawImage(video, 0, 0, THUMB.width, THUMB.height);
    return context.getImageData(0, 0, THUMB.width, THUMB.height).data;
  } catch {
    return null; // some browsers keep pixels from pages that could know a person by them
  }
}
