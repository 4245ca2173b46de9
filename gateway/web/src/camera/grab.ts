import { deadline } from "../api/deadline";

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface JpegFrame extends Size {
  readonly bytes: ArrayBuffer;
}

export interface GrabOptions {
  /** The limit for the longer side, in pixels. */
  readonly longSide?: number;
  /** The limit for the shorter side, in pixels. */
  readonly shortSide?: number;
  /** The JPEG quality, 0 to 1. */
  readonly quality?: number;
  /** The limit for the JPEG, in bytes. A larger one is encoded again with lower quality, down to 0.1. */
  readonly maxBytes?: number;
  /**
   * The exact size of the frame, because it must not change within a capture. A picture with other proportions (the
   * person turned the device) gets black bars.
   */
  readonly size?: Size;
}

/** The default limits for the sides of a frame, in either orientation. */
const LONG_SIDE = 640;
const SHORT_SIDE = 480;
const QUALITY = 0.8;
const LEAST_QUALITY = 0.1;

/** The size of a picture reduced to the limits, in either orientation. It is never enlarged. */
export function fit({ width, height }: Size, longSide = LONG_SIDE, shortSide = SHORT_SIDE): Size {
  const scale = Math.min(1, longSide / Math.max(width, height), shortSide / Math.min(width, height));
  return { width: Math.max(1, Math.floor(width * scale)), height: Math.max(1, Math.floor(height * scale)) };
}

/** The size of the frames from `video`; null while it has no picture. */
export function frameSize(video: HTMLVideoElement, options: GrabOptions = {}): Size | null {
  if (!video.videoWidth || !video.videoHeight) return null;
  return fit({ width: video.videoWidth, height: video.videoHeight }, options.longSide, options.shortSide);
}

const FIRST_PICTURE_MS = 5000;

/** Waits for the first picture and returns its `frameSize`; null if none comes in 5 s. */
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
 * The picture that `video` shows now, as a JPEG, never mirrored; null if there is none.
 * Call it again for the same video only after it has returned, because the calls share a canvas.
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
 * The largest size, up to `size`, in which this camera's pictures have at most `aimBytes` as a JPEG of quality 0.5. Null
 * if there is no picture.
 */
export async function sizeForBytes(video: HTMLVideoElement, size: Size, aimBytes: number): Promise<Size | null> {
  const jpeg = await grabJpeg(video, { size, quality: 0.5 });
  if (!jpeg) return null;
  if (jpeg.bytes.byteLength <= aimBytes || Math.min(size.width, size.height) < 2 * SMALLEST_SIDE) return size;
  const smaller = { width: Math.floor(0.75 * size.width), height: Math.floor(0.75 * size.height) };
  return sizeForBytes(video, smaller, aimBytes);
}

/** The place of a picture in a frame of `size`: in the middle, whole, with its own proportions. */
export function within(picture: Size, size: Size): Size & { readonly x: number; readonly y: number } {
  const scale = Math.min(size.width / picture.width, size.height / picture.height);
  let width = Math.round(picture.width * scale);
  let height = Math.round(picture.height * scale);
  // a difference of one pixel comes from rounding
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
