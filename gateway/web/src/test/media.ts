import { vi } from "vitest";

/** A fake track of a camera. Dispatch `ended` to unplug it. */
export class FakeTrack extends EventTarget {
  readonly kind = "video";
  readonly stop = vi.fn<() => void>();
}

export class FakeStream {
  readonly track = new FakeTrack();
  readonly getTracks = () => [this.track];
  readonly getVideoTracks = this.getTracks;
}

/** Gives the page a fake camera through `getUserMedia`. The context is secure by default. */
export function installCamera(answer: () => Promise<unknown>, secure = true) {
  const getUserMedia = vi.fn<(wishes: MediaStreamConstraints) => Promise<unknown>>(answer);
  vi.stubGlobal("isSecureContext", secure);
  Object.defineProperty(navigator, "mediaDevices", {
    configurable: true,
    value: secure ? { getUserMedia } : undefined,
  });
  return getUserMedia;
}

/** Lets a video element report a picture of this size; jsdom plays no video. */
export function showing(width: number, height: number, video = document.createElement("video")): HTMLVideoElement {
  Object.defineProperties(video, {
    videoWidth: { configurable: true, value: width },
    videoHeight: { configurable: true, value: height },
  });
  return video;
}

/** Lets every canvas draw, and encode a picture to `byteLength(quality)` bytes. */
export function installCanvas(byteLength: (quality: number) => number = () => 1000) {
  const context = {
    drawImage: vi.fn<(...drawn: unknown[]) => void>(),
    fillRect: vi.fn<(...filled: unknown[]) => void>(),
  };
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(context as never);
  vi.spyOn(HTMLCanvasElement.prototype, "toBlob").mockImplementation((done, type, quality = 1) => {
    const bytes = new ArrayBuffer(byteLength(quality));
    done({ type, size: bytes.byteLength, arrayBuffer: () => Promise.resolve(bytes) } as unknown as Blob);
  });
  return context;
}

/** Moves the page to the background, or to the front. */
export function setHidden(hidden: boolean): void {
  Object.defineProperty(document, "visibilityState", {
    configurable: true,
    get: () => (hidden ? "hidden" : "visible"),
  });
  document.dispatchEvent(new Event("visibilitychange"));
}

/** Makes the device one that people hold, and touch with a finger; or one with a mouse. */
export function handheld(is: boolean): void {
  vi.spyOn(window, "matchMedia").mockImplementation(
    (media) =>
      Object.assign(new EventTarget(), {
        media,
        matches: is && media === "(pointer: coarse)",
      }) as unknown as MediaQueryList,
  );
}
