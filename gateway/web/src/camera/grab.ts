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
export async function firstFrameSize(video: HTMLVideoElement): Promise<Size | null> {
  const late = AbortSignal.timeout(FIRST_PICTURE_MS);
  while (!frameSize(video) && !late.aborted) {
    await new Promise((resolve) => {
      video.addEventListener("loadedmetadata", resolve, { once: true });
      late.addEventListener("abort", resolve, { once: true });
    });
  }
  return frameSize(video);
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
  const blob = await new Promise<Blob | null>((resolve) =>
    canvas.toBlob(resolve, "image/jpeg", options.quality ?? QUALITY),
  );
  return blob && { bytes: await blob.arrayBuffer(), ...size };
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
