import { deadline } from "../api/deadline";

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface JpegFrame extends Size {
  readonly bytes: ArrayBuffer;
}

export interface GrabOptions {
  /** The longest side may have this many pixels. */
  readonly longSide?: number;
  /** The other side may have this many. */
  readonly shortSide?: number;
  /** 0 to 1. */
  readonly quality?: number;
  /** A JPEG that is larger is made again, worse and worse, down to what no eye would want. */
  readonly maxBytes?: number;
  /**
   * Exactly this size, whatever the camera delivers now: a picture of another shape (the device was turned) gets
   * black bars, for the size must not change within a capture.
   */
  readonly size?: Size;
}

/** What each side of a frame may have, in either orientation. */
const LONG_SIDE = 640;
const SHORT_SIDE = 480;
const QUALITY = 0.8;
const LEAST_QUALITY = 0.1;

/** The size of a picture that is made to fit, upright or wide; it is never made larger. */
export function fit({ width, height }: Size, longSide = LONG_SIDE, shortSide = SHORT_SIDE): Size {
  const scale = Math.min(1, longSide / Math.max(width, height), shortSide / Math.min(width, height));
  return { width: Math.max(1, Math.floor(width * scale)), height: Math.max(1, Math.floor(height * scale)) };
}

/** The size of the frames that `video` gives; null while it has no picture. */
export function frameSize(video: HTMLVideoElement, options: GrabOptions = {}): Size | null {
  if (!video.videoWidth || !video.videoHeight) return null;
  return fit({ width: video.videoWidth, height: video.videoHeight }, options.longSide, options.shortSide);
}

const FIRST_PICTURE_MS = 5000;

/** `frameSize`, waited for: a camera that was just turned on takes a moment. Null if nothing comes in 5 s. */
export async function firstFrameSize(video: HTMLVideoElement, options: GrabOptions = {}): Promise<Size | null> {
  const late = deadline(FIRST_PICTURE_MS).signal;
  while (!frameSize(video, options) && !late.aborted) {
    await new Promise((resolve) => {
      video.addEventListener("loadedmetadata", resolve, { once: true });
      late.addEventListener("abort", resolve, { once: true });
    });
  }
  return frameSize(video, options);
}

const canvases = new WeakMap<HTMLVideoElement, HTMLCanvasElement>();

/**
 * The picture that `video` shows now, as a JPEG, never mirrored; null while there is none.
 * One at a time for each video: they share a canvas.
 */
export async function grabJpeg(video: HTMLVideoElement, options: GrabOptions = {}): Promise<JpegFrame | null> {
  const fitting = frameSize(video, options);
  if (!fitting) return null;
  const size = options.size ?? fitting;
  const canvas = canvasOf(video, size);
  const context = canvas.getContext("2d", { alpha: false });
  if (!context) return null;
  const { x, y, width, height } = within({ width: video.videoWidth, height: video.videoHeight }, size);
  if (width < size.width || height < size.height) context.fillRect(0, 0, size.width, size.height);
  context.drawImage(video, x, y, width, height);
  const blob = await encoded(canvas, options.quality ?? QUALITY, options.maxBytes ?? Infinity);
  return blob && { bytes: await blob.arrayBuffer(), ...size };
}

async function encoded(canvas: HTMLCanvasElement, quality: number, maxBytes: number): Promise<Blob | null> {
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
  if (!blob || blob.size <= maxBytes || quality <= LEAST_QUALITY) return blob;
  return encoded(canvas, Math.max(LEAST_QUALITY, quality * 0.7), maxBytes);
}

const SMALLEST_SIDE = 64;

/**
 * The size in which this camera's pictures, as a JPEG of middling quality, have at most `aimBytes`: smaller than
 * `size` only if they must be. Null if there is no picture.
 */
export async function sizeForBytes(video: HTMLVideoElement, size: Size, aimBytes: number): Promise<Size | null> {
  const jpeg = await grabJpeg(video, { size, quality: 0.5 });
  if (!jpeg) return null;
  if (jpeg.bytes.byteLength <= aimBytes || Math.min(size.width, size.height) < 2 * SMALLEST_SIDE) return size;
  const smaller = { width: Math.floor(0.75 * size.width), height: Math.floor(0.75 * size.height) };
  return sizeForBytes(video, smaller, aimBytes);
}

/** Where a picture lies in a frame of `size`: whole, in its own shape, in the middle. */
export function within(picture: Size, size: Size): Size & { readonly x: number; readonly y: number } {
  const scale = Math.min(size.width / picture.width, size.height / picture.height);
  let width = Math.round(picture.width * scale);
  let height = Math.round(picture.height * scale);
  // one pixel less is rounding, no other shape
  if (size.width - width <= 1) width = size.width;
  if (size.height - height <= 1) height = size.height;
  return { x: Math.floor((size.width - width) / 2), y: Math.floor((size.height - height) / 2), width, height };
}

function canvasOf(video: HTMLVideoElement, { width, height }: Size): HTMLCanvasElement {
  let canvas = canvases.get(video);
  if (!canvas) {
    canvas = document.createElement("canvas");
    canvases.set(video, canvas);
  }
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  return canvas;
}
