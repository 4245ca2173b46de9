import { vi } from "vitest";

import { FakeCaptureSocket } from "./captureSocket";
import { FakeStream, installCamera, installCanvas, showing } from "./media";

/** Installs all that a page needs to record: a camera of 1280 × 720, and the capture socket. Returns the camera's stream. */
export function installRecording(): FakeStream {
  FakeCaptureSocket.install();
  const stream = new FakeStream();
  installCamera(() => Promise.resolve(stream));
  installCanvas();
  showing(1280, 720, HTMLVideoElement.prototype as HTMLVideoElement);
  vi.spyOn(HTMLMediaElement.prototype, "play").mockResolvedValue();
  return stream;
}
