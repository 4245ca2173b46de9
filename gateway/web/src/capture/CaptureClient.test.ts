import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { ApiError } from "../api/failure";
import type { JpegFrame } from "../camera/grab";
import { FakeCaptureSocket } from "../test/captureSocket";
import { CaptureClient, type CaptureDependencies } from "./CaptureClient";
import { DEFAULT_LIMITS } from "./limits";
import type { CaptureReport, CaptureWindow } from "./messages";
import type { CaptureState } from "./protocol";

const WINDOW: CaptureWindow = {
  session: { sessionId: "sess_0123456789abcdef", userId: "user-1", performerId: "carer-1" },
  captureId: "capture-1",
  recordId: "00000000-0000-4000-8000-000000000001",
  intent: "",
  width: 640,
  height: 480,
  limits: DEFAULT_LIMITS,
};

const JPEG: JpegFrame = { bytes: new ArrayBuffer(1000), width: 640, height: 480 };
const RECORDED: CaptureReport = {
  record_id: "record-1",
  status: "recorded",
  accepted: 30,
  extracted: 30,
  found: { pose: 30, left_hand: 0, right_hand: 0, face: 30 },
  raw_features_ref: { hash: "sha256:abc" } as never,
};

beforeEach(() => {
  vi.useFakeTimers();
  FakeCaptureSocket.install();
});
afterEach(() => {
  vi.useRealTimers();
});

function socket(): FakeCaptureSocket {
  const { last } = FakeCaptureSocket;
  if (!last) throw new Error("no socket was opened");
  return last;
}

function made(replaced: Partial<CaptureDependencies> = {}) {
  const states: CaptureState[] = [];
  const grab = vi.fn<CaptureDependencies["grab"]>(() => Promise.resolve(JPEG));
  const report = vi.fn<CaptureDependencies["report"]>(() => Promise.resolve(RECORDED));
  const client = new CaptureClient(
    WINDOW,
    {
      prepare: () => Promise.resolve(),
      connect: () => new WebSocket("ws://server/capture"),
      grab,
      thumbnail: () => null,
      report,
      ...replaced,
    },
    (state) => states.push(state),
  );
  return { client, states, grab, report };
}

/** A client that has just begun to record. */
async function recording(replaced: Partial<CaptureDependencies> = {}) {
  const parts = made(replaced);
  await parts.client.start();
  socket().accept();
  socket().progress();
  await vi.advanceTimersByTimeAsync(3200);
  expect(parts.client.state.phase).toBe("recording");
  return parts;
}

const metas = () => socket().messages.filter(({ event }) => event === "capture.frame_meta");

describe("CaptureClient", () => {
  test("a whole capture: open, pairs, close, the outcome", async () => {
    const { client, states, report } = await recording();
    await vi.advanceTimersByTimeAsync(2900);
    client.stop();
    expect(socket().messages.at(-1)).toMatchObject({ event: "capture.close" });
    socket().end(1000);
    await vi.advanceTimersByTimeAsync(1000);

    const { sent } = socket();
    expect(socket().messages[0]).toMatchObject({ event: "capture.open", progress: true });
    const pairs = sent.slice(1, -1);
    expect(pairs.map((message) => typeof message)).toEqual(pairs.map((_, at) => (at % 2 ? "object" : "string")));
    expect(metas().map(({ seq }) => seq)).toEqual(metas().map((_, at) => at + 1));
    expect(report).toHaveBeenCalledExactlyOnceWith("capture-1");
    expect(states.at(-1)).toMatchObject({ phase: "recorded", hash: "sha256:abc" });
    const phases = states.map(({ phase }) => phase);
    expect(phases.filter((phase, at) => phase !== phases[at - 1])).toEqual([
      "opening",
      "counting",
      "recording",
      "closing",
      "settling",
      "recorded",
    ]);
    const ids = socket().messages.map(({ record_id }) => record_id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("15 frames a second", async () => {
    await recording();
    const before = metas().length;
    for (let at = 0; at < 10; at += 1) {
      socket().progress({ accepted: metas().length });
      await vi.advanceTimersByTimeAsync(200);
    }
    expect(metas().length - before).toBe(30);
  });

  test("states come a few times a second, not with every frame", async () => {
    const { states } = await recording();
    const before = states.length;
    await vi.advanceTimersByTimeAsync(1000);
    expect(states.length - before).toBeLessThanOrEqual(6);
  });

  test("while the socket is behind no picture is taken", async () => {
    const { grab } = await recording();
    socket().bufferedAmount = 1_000_000;
    const before = grab.mock.calls.length;
    await vi.advanceTimersByTimeAsync(1000);
    expect(grab.mock.calls.length).toBe(before);
    socket().bufferedAmount = 0;
    await vi.advanceTimersByTimeAsync(200);
    expect(grab.mock.calls.length).toBeGreaterThan(before);
    expect(metas().map(({ seq }) => seq)).toEqual(metas().map((_, at) => at + 1));
  });

  test("a slow camera has one picture under way at a time", async () => {
    let under = 0;
    let most = 0;
    await recording({
      grab: async () => {
        most = Math.max(most, (under += 1));
        await new Promise((resolve) => setTimeout(resolve, 300));
        under -= 1;
        return JPEG;
      },
    });
    await vi.advanceTimersByTimeAsync(2000);
    expect(most).toBe(1);
    expect(metas().length).toBeGreaterThan(3);
  });

  test("a picture that cannot be taken is left out", async () => {
    const grab = vi.fn<CaptureDependencies["grab"]>(() => Promise.resolve(JPEG));
    grab.mockRejectedValueOnce(new Error("no"));
    await recording({ grab });
    await vi.advanceTimersByTimeAsync(500);
    expect(metas()[0]).toMatchObject({ seq: 1 });
  });

  test("it stops by itself before the server would end it", async () => {
    const { client } = await recording();
    for (let at = 0; at < 600; at += 1) {
      socket().progress({ accepted: 100_000 });
      await vi.advanceTimersByTimeAsync(200);
    }
    expect(client.state.phase).toBe("closing");
    const [open, close] = [socket().messages[0], socket().messages.at(-1)];
    const lasted = Date.parse(String(close?.["timestamp_end"])) - Date.parse(String(open?.["timestamp_start"]));
    expect(lasted).toBeLessThan(120_000);
    expect(lasted).toBeGreaterThan(119_000);
  });

  test("it asks until the capture is recorded, also when the server is away for a while", async () => {
    const report = vi.fn<CaptureDependencies["report"]>();
    report.mockResolvedValueOnce({ ...RECORDED, status: "extracting" });
    report.mockRejectedValueOnce(new ApiError("network_error"));
    report.mockResolvedValue(RECORDED);
    const { client } = await recording({ report });
    await vi.advanceTimersByTimeAsync(2500);
    client.stop();
    socket().end(1000);
    await vi.advanceTimersByTimeAsync(600);
    expect(client.state).toMatchObject({ phase: "settling", trouble: { code: "network_error" } });
    await vi.advanceTimersByTimeAsync(2500);
    expect(client.state).toMatchObject({ phase: "recorded", trouble: null });
    expect(report).toHaveBeenCalledTimes(3);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(report).toHaveBeenCalledTimes(3);
  });

  test("it asks ten times a second at first, so that the person is told at once, and less often after that", async () => {
    const report = vi.fn<CaptureDependencies["report"]>(() => Promise.resolve({ ...RECORDED, status: "extracting" }));
    const { client } = await recording({ report });
    await vi.advanceTimersByTimeAsync(2500);
    client.stop();
    socket().end(1000);
    await vi.advanceTimersByTimeAsync(1000);
    expect(report.mock.calls.length).toBeGreaterThanOrEqual(10);
    await vi.advanceTimersByTimeAsync(1000);
    report.mockClear();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(report.mock.calls.length).toBeLessThanOrEqual(21);
  });

  test("a lost connection is made again, at once and then every five seconds at most", async () => {
    const report = vi.fn<CaptureDependencies["report"]>(() => Promise.reject(new ApiError("unknown_capture")));
    const { client } = await recording({ report });
    socket().end(1006);
    for (let at = 0; at < 100; at += 1) {
      await vi.advanceTimersByTimeAsync(300);
      if (socket().readyState === FakeCaptureSocket.CONNECTING) socket().end(1006);
    }
    expect(client.state).toMatchObject({ phase: "recording", lost: true });
    expect(report.mock.calls.length).toBeGreaterThan(8);
    expect(report.mock.calls.length).toBeLessThan(14);
    const before = socket();
    while (socket() === before) await vi.advanceTimersByTimeAsync(300);
    socket().accept();
    socket().progress();
    await vi.advanceTimersByTimeAsync(300);
    expect(client.state).toMatchObject({ phase: "recording", lost: false, resent: true });
    expect(socket().messages[0]).toMatchObject({ event: "capture.open", capture_id: "capture-1" });
    expect(metas()[0]).toMatchObject({ seq: 1 });
  });

  test("what must not begin does not open a socket", async () => {
    const { client } = made({ prepare: () => Promise.reject(new ApiError("session_closed")) });
    await client.start();
    expect(client.state).toMatchObject({ phase: "failed", failure: { code: "session_closed" } });
    expect(FakeCaptureSocket.last).toBeUndefined();
  });

  test("cancelled while it prepares: no socket", async () => {
    let go: (() => void)[] = [];
    const { client } = made({ prepare: () => new Promise((resolve) => (go = [resolve])) });
    const started = client.start();
    client.fail({ code: "capture_cancelled", sentence: "…" });
    go[0]?.();
    await started;
    expect(FakeCaptureSocket.last).toBeUndefined();
  });

  test("a failure closes the socket and stops everything", async () => {
    const { client, grab } = await recording();
    client.fail({ code: "capture_interrupted", sentence: "…" });
    expect(socket().closedWith).toBe(1000);
    const before = grab.mock.calls.length;
    await vi.advanceTimersByTimeAsync(5000);
    expect(grab.mock.calls.length).toBe(before);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("nothing runs after dispose, and nothing is told", async () => {
    const { client, states } = await recording();
    client.dispose();
    const before = states.length;
    socket().end(1006);
    await vi.advanceTimersByTimeAsync(5000);
    expect(states.length).toBe(before);
    expect(vi.getTimerCount()).toBe(0);
    expect(socket().closedWith).toBe(1000);
  });
});
