import { act, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { TokenProvider } from "../api/token";
import { installDrawing } from "../test/drawing";
import { dropped, faceResult, installLiveSockets, installResizes, SLOW_DOWN } from "../test/liveSocket";
import { FakeStream, installCamera, installCanvas, setHidden, showing } from "../test/media";
import { useCamera } from "../camera/useCamera";
import { CameraPreview } from "./CameraPreview";
import { RealtimeProvider } from "./RealtimeContext";
import { useRealtime } from "./useRealtime";

function Stage() {
  const { connect } = useRealtime();
  const camera = useCamera();
  return (
    <>
      <button type="button" onClick={() => connect("face")}>
        connect
      </button>
      <CameraPreview camera={camera} />
    </>
  );
}

async function started(camera: () => Promise<unknown> = () => Promise.resolve(new FakeStream())) {
  const sockets = installLiveSockets();
  const getUserMedia = installCamera(camera);
  installCanvas();
  installDrawing();
  vi.spyOn(HTMLMediaElement.prototype, "play").mockResolvedValue();
  const { unmount } = render(
    <TokenProvider>
      <RealtimeProvider>
        <Stage />
      </RealtimeProvider>
    </TokenProvider>,
  );
  connect();
  sockets.latest().opens();
  await pass(0);
  return { sockets, server: sockets.latest(), getUserMedia, unmount };
}

const connect = () => act(() => screen.getByRole("button", { name: "connect" }).click());
const video = () => screen.getByLabelText<HTMLVideoElement>("What the camera sees");
const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));

/** The camera delivers pictures, and the server answers each frame at once. */
async function streams(
  server: { sent: unknown[]; says: (message: unknown) => void },
  seconds: number,
  told = faceResult,
) {
  showing(640, 480, video());
  let answered = server.sent.length;
  for (let ms = 0; ms < seconds * 1000; ms += 5) {
    await pass(5);
    while (answered < server.sent.length) server.says(told(answered++));
  }
}

describe("CameraPreview", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    installResizes();
    setHidden(false);
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("asks for the camera when it is shown, and lets it go when it is not", async () => {
    const stream = new FakeStream();
    const { getUserMedia, unmount } = await started(() => Promise.resolve(stream));
    expect(getUserMedia).toHaveBeenCalledOnce();
    unmount();
    expect(stream.track.stop).toHaveBeenCalled();
  });

  test("takes frames at the throttler's rate, fifteen a second", async () => {
    const { server } = await started();
    await streams(server, 2);
    expect(server.sent.length).toBeGreaterThanOrEqual(28);
    expect(server.sent.length).toBeLessThanOrEqual(31);
  });

  test("each frame is turned into a JPEG, and its bytes are sent", async () => {
    const { server } = await started();
    await streams(server, 0.2);
    expect(HTMLCanvasElement.prototype.toBlob).toHaveBeenCalledWith(expect.anything(), "image/jpeg", 0.75);
    expect(server.sent[0]).toBeInstanceOf(ArrayBuffer);
    expect((server.sent[0] as ArrayBuffer).byteLength).toBe(1000);
  });

  test("sends fewer frames after slow_down", async () => {
    const { server } = await started();
    await streams(server, 0.5);
    server.says(SLOW_DOWN);
    const before = server.sent.length;
    await streams(server, 2);
    expect(server.sent.length - before).toBeGreaterThanOrEqual(19);
    expect(server.sent.length - before).toBeLessThanOrEqual(21);
  });

  test("a dropped frame leaves the overlay alone", async () => {
    const { server } = await started();
    server.says(faceResult(0, { landmarks: {}, detections: [] }));
    const overlay = screen.getByRole("img", { name: "Landmarks over the picture" });
    expect(overlay).toHaveAttribute("data-frame", "0");
    server.says(dropped(1));
    expect(overlay).toHaveAttribute("data-frame", "0");
  });

  test("sends nothing while the camera has no picture yet", async () => {
    const { server } = await started();
    await pass(1_000);
    expect(server.sent).toEqual([]);
  });

  test("sends nothing without a connection, and goes on with the next one", async () => {
    const { server, sockets } = await started();
    await streams(server, 0.2);
    server.ends();
    const before = server.sent.length;
    await pass(1_000);
    expect(server.sent).toHaveLength(before);
    connect();
    sockets.latest().opens();
    await pass(200);
    expect(sockets.latest().sent.length).toBeGreaterThan(0);
  });

  test("pauses while the page is in the background", async () => {
    const { server } = await started();
    await streams(server, 0.2);
    act(() => setHidden(true));
    const before = server.sent.length;
    await pass(1_000);
    expect(server.sent).toHaveLength(before);
    act(() => setHidden(false));
    await streams(server, 0.2);
    expect(server.sent.length).toBeGreaterThan(before);
  });

  test("a picture whose JPEG is ready only in the background is not sent, and the rate stays afterwards", async () => {
    const { server } = await started();
    const waiting: (() => void)[] = [];
    const encode = HTMLCanvasElement.prototype.toBlob;
    vi.spyOn(HTMLCanvasElement.prototype, "toBlob").mockImplementationOnce(function late(
      this: HTMLCanvasElement,
      ...given
    ) {
      waiting.push(() => encode.apply(this, given));
    });
    showing(640, 480, video());
    await pass(100);
    act(() => setHidden(true));
    expect(waiting).toHaveLength(1);
    waiting[0]?.();
    await pass(1_000);
    expect(server.sent).toEqual([]);
    act(() => setHidden(false));
    await streams(server, 1);
    expect(server.sent.length).toBeGreaterThanOrEqual(14);
    expect(server.sent.length).toBeLessThanOrEqual(16);
  });

  test("a server that does not answer gets five frames, and no more", async () => {
    const { server } = await started();
    showing(640, 480, video());
    await pass(5_000);
    expect(server.sent).toHaveLength(5);
  });

  test("without a camera it says why, and how to go on", async () => {
    const answer = vi.fn<() => Promise<unknown>>(() => Promise.reject(new DOMException("no", "NotAllowedError")));
    const { getUserMedia } = await started(answer);
    expect(screen.getByText(/does not let this page use the camera/)).toBeVisible();
    expect(screen.getByText("camera_denied")).toBeVisible();
    answer.mockResolvedValue(new FakeStream());
    act(() => screen.getByRole("button", { name: "Try the camera again" }).click());
    await pass(0);
    expect(getUserMedia).toHaveBeenCalledTimes(2);
    expect(screen.queryByText("camera_denied")).toBeNull();
  });
});
