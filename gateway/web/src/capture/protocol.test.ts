import { describe, expect, test } from "vitest";

import constants from "../api/constants.json";
import type { CaptureClose, CaptureOpen, FrameMeta } from "../api/messages";
import type { JpegFrame } from "../camera/grab";
import { DEFAULT_LIMITS, maxDurationMs } from "./limits";
import type { CaptureReport, CaptureWindow } from "./messages";
import { canStop, CaptureProtocol, isCapturing, isOver, LOST_MS, SILENT_MS, type Message } from "./protocol";

const WALL_MS = Date.UTC(2026, 0, 2, 3, 4, 5);
const STARTED_MS = 5_000; // of a clock that never steps

const MAX_DURATION_MS = maxDurationMs(DEFAULT_LIMITS);

const WINDOW: CaptureWindow = {
  session: { sessionId: "sess_0123456789abcdef", userId: "user-1", performerId: "carer-1" },
  captureId: "capture-1",
  recordId: "00000000-0000-4000-8000-000000000001",
  intent: "more",
  width: 640,
  height: 480,
  limits: DEFAULT_LIMITS,
};

const jpeg = (byteLength = 40_000): JpegFrame => ({ bytes: new ArrayBuffer(byteLength), width: 640, height: 480 });

const progress = (change: object = {}) =>
  JSON.stringify({
    event: "capture.progress",
    capture_id: WINDOW.captureId,
    status: "extracting",
    accepted: 0,
    extracted: 0,
    backlog: 0,
    slow_down: false,
    found: { pose: 0, left_hand: 0, right_hand: 0, face: 0 },
    ...change,
  });

const abort = (error_code: string) => JSON.stringify({ event: "capture.abort", error_code });

const report = (change: Partial<CaptureReport> = {}): CaptureReport => ({
  record_id: "record-1",
  status: "extracting",
  accepted: 30,
  extracted: 10,
  found: { pose: 9, left_hand: 1, right_hand: 2, face: 8 },
  ...change,
});

function message<T>(sent: readonly Message[], at = 0): T {
  return JSON.parse(sent[at] as string) as T;
}

function opened() {
  const protocol = new CaptureProtocol(WINDOW);
  return { protocol, open: protocol.connected(STARTED_MS, WALL_MS) };
}

/** A protocol that began to record at `beganAt`. */
function recording(beganAt = STARTED_MS + 3000) {
  const { protocol } = opened();
  protocol.received(progress(), STARTED_MS);
  protocol.received(progress(), beganAt);
  protocol.tick(beganAt);
  expect(protocol.state.phase).toBe("recording");
  return { protocol, beganAt };
}

/** A protocol that recorded for this long, with one frame at the beginning, and was stopped. */
function closed(durationMs = 3000) {
  const { protocol, beganAt } = recording();
  protocol.frame(jpeg(), 0, beganAt);
  protocol.tick(beganAt + durationMs);
  const close = protocol.stop(beganAt + durationMs);
  return { protocol, close };
}

function settling() {
  const { protocol } = closed();
  protocol.disconnected(1000, "");
  return protocol;
}

describe("opening", () => {
  test("the open asks for progress, names the window, and says what is meant", () => {
    const { open } = opened();
    expect(message<CaptureOpen>(open)).toMatchObject({
      event: "capture.open",
      record_id: WINDOW.recordId,
      capture_id: "capture-1",
      session_id: WINDOW.session.sessionId,
      user_id: "user-1",
      performer_id: "carer-1",
      fps_target: 15,
      width: 640,
      height: 480,
      encoding: "jpeg",
      progress: true,
      annotation: { intent: "more" },
      timestamp_start: "2026-01-02T03:04:08.000Z", // when the count-down ends
    });
  });

  test("without an intent there is no annotation", () => {
    const protocol = new CaptureProtocol({ ...WINDOW, intent: "" });
    expect(message<CaptureOpen>(protocol.connected(0, WALL_MS))).not.toHaveProperty("annotation");
  });

  test("it is opened once", () => {
    expect(opened().protocol.connected(STARTED_MS + 1, WALL_MS)).toEqual([]);
  });
});

describe("the count-down", () => {
  test("counts to the first frame", () => {
    const { protocol } = opened();
    protocol.received(progress(), STARTED_MS);
    const shown = [0, 900, 1100, 2100, 2999].map((ms) => {
      protocol.tick(STARTED_MS + ms);
      return protocol.state.countdownS;
    });
    expect(shown).toEqual([3, 3, 2, 1, 1]);
    protocol.received(progress(), STARTED_MS + 3000);
    protocol.tick(STARTED_MS + 3000);
    expect(protocol.state).toMatchObject({ phase: "recording", countdownS: 0 });
  });

  test("does not end before an extractor has the capture", () => {
    const { protocol } = opened();
    protocol.received(progress({ status: "waiting" }), STARTED_MS + 29_000);
    protocol.tick(STARTED_MS + 30_000);
    expect(protocol.state).toMatchObject({ phase: "counting", claimed: false, countdownS: 0 });
    expect(protocol.wantsFrame(0, 0)).toBe(false);
  });

  test("gives the person who has waited a second more", () => {
    const { protocol } = opened();
    protocol.received(progress({ status: "waiting" }), STARTED_MS + 30_000);
    protocol.tick(STARTED_MS + 30_000);
    protocol.received(progress(), STARTED_MS + 30_000);
    protocol.tick(STARTED_MS + 30_900);
    expect(protocol.state).toMatchObject({ phase: "counting", claimed: true, countdownS: 1 });
    protocol.tick(STARTED_MS + 31_000);
    expect(protocol.state.phase).toBe("recording");
  });

  test("an extractor that comes while it counts costs no time", () => {
    const { protocol } = opened();
    protocol.received(progress(), STARTED_MS + 1500);
    protocol.tick(STARTED_MS + 3000);
    expect(protocol.state.phase).toBe("recording");
  });
});

describe("frames", () => {
  test("a frame is announced, then sent; seq has no gaps; every message is a record of its own", () => {
    const { protocol, beganAt } = recording();
    const first = protocol.frame(jpeg(111), 0, beganAt + 2.4);
    const second = protocol.frame(jpeg(222), 3, beganAt + 200.6);
    expect(message<FrameMeta>(first)).toMatchObject({
      event: "capture.frame_meta",
      seq: 1,
      byte_length: 111,
      timestamp_frame: "2026-01-02T03:04:08.002Z",
    });
    expect((first[1] as ArrayBuffer).byteLength).toBe(111);
    expect(message<FrameMeta>(second)).toMatchObject({ seq: 2, timestamp_frame: "2026-01-02T03:04:08.201Z" });
    const ids = [first, second].map((sent) => message<FrameMeta>(sent).record_id);
    expect(new Set([...ids, WINDOW.recordId]).size).toBe(3);
    expect(protocol.state.sent).toBe(2);
  });

  test("event time never runs backwards and never stands still", () => {
    const { protocol, beganAt } = recording();
    const times = [10.4, 10.4, 9, 11.2].map((ms, index) =>
      message<FrameMeta>(protocol.frame(jpeg(), index, beganAt + ms)).timestamp_frame.slice(-5),
    );
    expect(times).toEqual([".010Z", ".011Z", ".012Z", ".013Z"].map((time) => time.slice(-5)));
  });

  test("event time begins with recording, however long the extractor was waited for", () => {
    const { protocol } = opened();
    protocol.received(progress(), STARTED_MS + 30_000);
    protocol.tick(STARTED_MS + 31_000);
    const sent = protocol.frame(jpeg(), 0, STARTED_MS + 31_000);
    expect(message<FrameMeta>(sent).timestamp_frame).toBe("2026-01-02T03:04:08.000Z");
  });

  test("no picture is no frame, and takes no number", () => {
    const { protocol, beganAt } = recording();
    expect(protocol.frame(null, 0, beganAt)).toEqual([]);
    expect(message<FrameMeta>(protocol.frame(jpeg(), 1, beganAt + 67)).seq).toBe(1);
  });

  test("a picture over the limit is dropped before it has a number, and the next is to be smaller", () => {
    const { protocol, beganAt } = recording();
    const { quality } = protocol;
    expect(protocol.frame(jpeg(constants.capture_limits.max_frame_bytes + 1), 0, beganAt)).toEqual([]);
    expect(protocol.state.sent).toBe(0);
    expect(protocol.quality).toBeLessThan(quality);
  });

  test("nothing is wanted while the socket is behind", () => {
    const { protocol } = recording();
    expect(protocol.wantsFrame(0, 0)).toBe(true);
    expect(protocol.wantsFrame(0, 1_000_000)).toBe(false);
  });

  test("nothing is wanted while too much is under way to the server's stream", () => {
    const { protocol, beganAt } = recording();
    let index = 0;
    while (protocol.wantsFrame(index, 0)) protocol.frame(jpeg(), index, beganAt + 67 * index++);
    expect(protocol.state.sent).toBe(30);
    protocol.received(progress({ accepted: 30 }), beganAt + 2100);
    expect(protocol.wantsFrame(index, 0)).toBe(true);
  });

  test("slow_down thins the frames out, and its end brings them back", () => {
    const { protocol, beganAt } = recording();
    let slowDown = false;
    const sentIn = (fromMs: number, toMs: number) => {
      const before = protocol.state.sent;
      for (let index = Math.ceil((fromMs * 15) / 1000); index < (toMs * 15) / 1000; index += 1) {
        const nowMs = beganAt + (index * 1000) / 15;
        protocol.received(progress({ accepted: 1000, slow_down: slowDown }), nowMs);
        protocol.tick(nowMs);
        if (protocol.wantsFrame(index, 0)) protocol.frame(jpeg(), index, nowMs);
      }
      return protocol.state.sent - before;
    };
    expect(sentIn(0, 2000)).toBe(30);
    slowDown = true;
    expect(sentIn(2000, 4000)).toBeLessThan(15);
    expect(sentIn(4000, 12_000)).toBeLessThan(25);
    expect(sentIn(12_000, 22_000)).toBeGreaterThanOrEqual(9); // never silent for long
    slowDown = false;
    sentIn(22_000, 50_000);
    expect(protocol.state.ticksPerFrame).toBe(1);
    expect(sentIn(50_000, 52_000)).toBe(30);
  });

  test("what the server says is shown", () => {
    const { protocol, beganAt } = recording();
    const found = { pose: 5, left_hand: 1, right_hand: 2, face: 4 };
    protocol.received(progress({ accepted: 7, extracted: 5, backlog: 2, found }), beganAt);
    expect(protocol.state).toMatchObject({ extracted: 5, backlog: 2, found });
  });

  test.each(["no JSON", "{}", "null", '"text"'])("%s from the server changes nothing", (text) => {
    const { protocol, beganAt } = recording();
    const before = protocol.state;
    protocol.received(text, beganAt);
    expect(protocol.state).toEqual(before);
  });

  test("a camera without a picture ends it with a sentence", () => {
    const { protocol, beganAt } = recording();
    for (let ms = 200; ms <= 3000; ms += 200) protocol.tick(beganAt + ms);
    expect(protocol.state).toMatchObject({ phase: "failed", failure: { code: "no_picture" } });
  });

  test("a camera that gives no further picture ends it, with what there is", () => {
    const { protocol, beganAt } = recording();
    protocol.frame(jpeg(), 0, beganAt);
    const sent: Message[] = [];
    for (let ms = 200; ms <= 3000; ms += 200) {
      protocol.received(progress({ accepted: 1 }), beganAt + ms);
      sent.push(...protocol.tick(beganAt + ms));
    }
    expect(sent).toHaveLength(1);
    expect(protocol.state).toMatchObject({ phase: "closing", cut: { code: "no_picture" } });
  });

  test("a page that slept is not a camera without a picture, and a full socket is none", () => {
    const { protocol, beganAt } = recording();
    protocol.frame(jpeg(), 0, beganAt);
    protocol.received(progress({ accepted: 1 }), beganAt + 9000);
    protocol.tick(beganAt + 9000);
    for (let ms = 9200; ms <= 20_000; ms += 200) {
      protocol.received(progress({ accepted: 1 }), beganAt + ms);
      expect(protocol.wantsFrame(ms, Infinity)).toBe(false);
      protocol.tick(beganAt + ms);
    }
    expect(protocol.state.phase).toBe("recording");
  });
});

describe("stopping", () => {
  test("from two seconds on", () => {
    const { protocol, beganAt } = recording();
    protocol.frame(jpeg(), 0, beganAt);
    expect(protocol.stop(beganAt + 1999)).toEqual([]);
    expect(canStop(protocol.state)).toBe(false);
    expect(protocol.state.phase).toBe("recording");
    const close = protocol.stop(beganAt + 2000);
    expect(message<CaptureClose>(close)).toMatchObject({
      event: "capture.close",
      timestamp_end: "2026-01-02T03:04:10.000Z",
    });
    expect(protocol.state.phase).toBe("closing");
  });

  test("by itself before 120 s, inside the server's limit", () => {
    const { protocol, beganAt } = recording();
    protocol.frame(jpeg(), 0, beganAt);
    protocol.received(progress(), beganAt + MAX_DURATION_MS - 1);
    expect(protocol.tick(beganAt + MAX_DURATION_MS - 1)).toEqual([]);
    protocol.received(progress(), beganAt + 500_000);
    const close = message<CaptureClose>(protocol.tick(beganAt + 500_000)); // a timer that came very late
    expect(Date.parse(close.timestamp_end) - (WALL_MS + 3000)).toBeLessThan(120_000);
    expect(protocol.state.phase).toBe("closing");
  });

  test("the end is never before the last frame", () => {
    const { protocol, beganAt } = recording();
    protocol.frame(jpeg(), 0, beganAt + 2500);
    const close = message<CaptureClose>(protocol.stop(beganAt + 2400));
    expect(Date.parse(close.timestamp_end)).toBe(WALL_MS + 3000 + 2500);
  });

  test("a frame that was being taken when it was stopped is not sent", () => {
    const { protocol } = closed();
    expect(protocol.frame(jpeg(), 50, STARTED_MS + 7000)).toEqual([]);
  });

  test("once", () => {
    const { protocol } = closed();
    expect(protocol.stop(STARTED_MS + 60_000)).toEqual([]);
  });
});

describe("the outcome", () => {
  test("a plain close means that the server has it all; the report tells the rest", () => {
    const protocol = settling();
    expect(protocol.state.phase).toBe("settling");
    protocol.reported(report());
    expect(protocol.state).toMatchObject({ phase: "settling", extracted: 10, backlog: 20 });
    protocol.reported(report({ status: "recorded", raw_features_ref: { hash: "sha256:abc" } as never }));
    expect(protocol.state).toMatchObject({ phase: "recorded", hash: "sha256:abc", quality: null, failure: null });
    expect(isOver(protocol.state)).toBe(true);
  });

  test("the quality comes with the recorded capture", () => {
    const protocol = settling();
    const quality = { verdict: "poor", reasons: ["no_hand"] } as never;
    protocol.reported(report({ quality }));
    expect(protocol.state.quality).toBeNull();
    protocol.reported(report({ status: "recorded", quality }));
    expect(protocol.state.quality).toEqual(quality);
  });

  test("a socket that is lost right after the close may have been heard: the report knows", () => {
    const { protocol } = closed();
    protocol.disconnected(1006, "");
    expect(protocol.state.phase).toBe("settling");
    protocol.reported(report({ status: "recorded" }));
    expect(protocol.state).toMatchObject({ phase: "recorded", resent: false });
  });

  test("a server that does not answer is asked again, and the page says so", () => {
    const protocol = settling();
    protocol.unreported({ code: "network_error", sentence: "…" });
    expect(protocol.state).toMatchObject({ phase: "settling", trouble: { code: "network_error" } });
    protocol.reported(report());
    expect(protocol.state.trouble).toBeNull();
  });

  test.each(constants.abort_codes)("an abort with %s has its own sentence", (code) => {
    const { protocol } = opened();
    protocol.received(abort(code), STARTED_MS);
    protocol.disconnected(1000, code);
    expect(protocol.state).toMatchObject({ phase: "failed", failure: { code } });
    expect(protocol.state.failure?.sentence).not.toMatch(/gave no reason/);
  });

  test("codes do not share sentences, so each tells what happened", () => {
    const sentences = constants.capture_codes.map((code) => {
      const { protocol } = opened();
      protocol.disconnected(1008, code);
      return protocol.state.failure?.sentence;
    });
    expect(new Set(sentences).size).toBe(constants.capture_codes.length);
  });

  test.each([
    ["before it was open", 0, 1006, "", "socket_refused"],
    ["while it counts", 1, 1006, "", "socket_lost"],
    ["while it counts, without a reason", 1, 1005, "", "socket_lost"],
    ["the server is full", 1, 1013, "too_many_captures", "too_many_captures"],
    ["the server is full and says no more", 1, 1013, "", "server_full"],
    ["its memory is", 1, 1013, "frames_broker_full", "frames_broker_full"],
    ["it is starting", 1, 1013, "brokers_unready", "brokers_unready"],
    ["it is stopped", 1, 1012, "server_shutdown", "server_shutdown"],
    ["it is stopped and says no more", 1, 1012, "", "server_shutdown"],
    ["it goes away", 1, 1001, "", "server_shutdown"],
    ["it made a mistake", 1, 1011, "internal_error", "internal_error"],
    ["a limit at open", 1, 1008, "limit_resolution_exceeded", "limit_resolution_exceeded"],
    ["a rule was broken", 1, 1008, "", "protocol_violation"],
    ["a code that the page does not know", 1, 1000, "new_code", "socket_lost"],
  ])("closed: %s", (_, connected, closeCode, reason, code) => {
    const protocol = connected ? opened().protocol : new CaptureProtocol(WINDOW);
    protocol.disconnected(closeCode, reason);
    expect(protocol.state).toMatchObject({ phase: "failed", failure: { code } });
  });

  test("a capture that could not be completed after its close has the reason of that", () => {
    const { protocol } = closed();
    protocol.disconnected(1000, "limit_duration_too_short");
    expect(protocol.state.failure?.code).toBe("limit_duration_too_short");
  });

  test("the first reason stays", () => {
    const { protocol, beganAt } = recording();
    protocol.received(abort("session_closed"), beganAt);
    protocol.disconnected(1006, "");
    protocol.fail({ code: "other", sentence: "…" });
    expect(protocol.state.failure?.code).toBe("session_closed");
  });

  test("leaving loses it until the server has it all", () => {
    expect(isCapturing(opened().protocol.state)).toBe(true);
    expect(isCapturing(recording().protocol.state)).toBe(true);
    expect(isCapturing(closed().protocol.state)).toBe(true);
    expect(isCapturing(settling().state)).toBe(false);
  });
});

function withLimits(change: Partial<typeof DEFAULT_LIMITS>) {
  const protocol = new CaptureProtocol({ ...WINDOW, limits: { ...DEFAULT_LIMITS, ...change } });
  const open = message<CaptureOpen>(protocol.connected(STARTED_MS, WALL_MS));
  protocol.received(progress(), STARTED_MS);
  const beganAt = STARTED_MS + 3000;
  const tick = (ms: number) => {
    protocol.received(progress(), ms);
    return protocol.tick(ms);
  };
  tick(beganAt);
  return { protocol, open, beganAt, tick };
}

describe("the server's own limits", () => {
  test("the open asks for as many pictures a second as the server takes", () => {
    expect(withLimits({ max_fps: 10 }).open.fps_target).toBe(10);
  });

  test("it stops by itself before the server's longest time", () => {
    const { protocol, beganAt, tick } = withLimits({ max_duration_s: 5 });
    protocol.frame(jpeg(), 0, beganAt);
    expect(tick(beganAt + 4499)).toEqual([]);
    const [close] = tick(beganAt + 4600);
    const { timestamp_end } = JSON.parse(close as string) as CaptureClose;
    expect(new Date(timestamp_end).getTime() - WALL_MS - 3000).toBeLessThanOrEqual(5000);
  });

  test("it can be stopped from the server's shortest time on", () => {
    const { protocol, beganAt, tick } = withLimits({ min_duration_s: 4 });
    protocol.frame(jpeg(), 0, beganAt);
    tick(beganAt + 3900);
    expect(canStop(protocol.state)).toBe(false);
    tick(beganAt + 4000);
    expect(canStop(protocol.state)).toBe(true);
  });

  test("a frame that the server would refuse is not sent, and the next is made smaller", () => {
    const { protocol, beganAt } = withLimits({ max_frame_bytes: 20_000 });
    const before = protocol.quality;
    expect(protocol.frame(jpeg(20_001), 0, beganAt)).toEqual([]);
    expect(protocol.quality).toBeLessThan(before);
    expect(protocol.frame(jpeg(20_000), 1, beganAt + 100)).toHaveLength(2);
  });

  test.each([
    ["bytes", { max_total_bytes: 100_000 }, 2],
    ["frames", { max_frames: 3 }, 3],
  ])("it stops when the server would take no further %s", (_, change, most) => {
    const { protocol, beganAt, tick } = withLimits(change);
    let frames = 0;
    for (let at = 0; at < 10; at += 1) frames += protocol.frame(jpeg(40_000), at, beganAt + 300 * at).length / 2;
    expect(frames).toBe(most);
    expect(tick(beganAt + 3000)).toHaveLength(1);
    expect(protocol.state.phase).toBe("closing");
  });
});

describe("a silent server", () => {
  test("is noticed within three seconds of its last word, and recording goes on", () => {
    const { protocol, beganAt } = recording();
    protocol.frame(jpeg(), 0, beganAt);
    protocol.tick(beganAt + 2400);
    expect(protocol.state).toMatchObject({ silent: false, elapsedMs: 2400 });
    protocol.tick(beganAt + 2800);
    expect(protocol.state).toMatchObject({ silent: true, elapsedMs: 2800, phase: "recording" });
    protocol.received(progress({ accepted: 1 }), beganAt + 4000);
    protocol.tick(beganAt + 4000);
    expect(protocol.state).toMatchObject({ silent: false, elapsedMs: 4000 });
  });

  test("is not waited for for ever", () => {
    const { protocol } = opened();
    protocol.tick(STARTED_MS + LOST_MS);
    expect(protocol.state).toMatchObject({ phase: "failed", silent: false, failure: { code: "server_silent" } });
  });

  test("does not let a count-down end", () => {
    const { protocol } = opened();
    protocol.received(progress(), STARTED_MS);
    protocol.tick(STARTED_MS + 3200);
    expect(protocol.state).toMatchObject({ phase: "counting", silent: true });
  });

  test("is noticed before it has taken the connection", () => {
    const protocol = new CaptureProtocol(WINDOW);
    protocol.tick(STARTED_MS);
    protocol.tick(STARTED_MS + SILENT_MS);
    expect(protocol.state).toMatchObject({ phase: "opening", silent: true });
    protocol.tick(STARTED_MS + LOST_MS);
    expect(protocol.state.failure?.code).toBe("server_silent");
  });

  test("while it closes: the page asks for the outcome, because the server may have received the close", () => {
    const { protocol } = closed();
    protocol.tick(STARTED_MS + 6000 + SILENT_MS);
    expect(protocol.state).toMatchObject({ phase: "closing", silent: true });
    protocol.tick(STARTED_MS + 6000 + LOST_MS);
    expect(protocol.state).toMatchObject({ phase: "settling", silent: false });
  });

  test("a close that takes longer than the server ever waits is asked for too", () => {
    const { protocol } = closed();
    const most = 1000 * DEFAULT_LIMITS.max_wait_s + LOST_MS;
    for (let ms = 0; ms < most; ms += 1000) {
      protocol.received(progress(), STARTED_MS + 6000 + ms);
      protocol.tick(STARTED_MS + 6000 + ms);
    }
    expect(protocol.state.phase).toBe("closing");
    protocol.received(progress(), STARTED_MS + 6000 + most);
    protocol.tick(STARTED_MS + 6000 + most);
    expect(protocol.state.phase).toBe("settling");
  });

  test("an outcome that does not come nearer is not waited for for ever", () => {
    const protocol = settling();
    for (let at = 0; at < 299_000; at += 500) {
      protocol.tick(STARTED_MS + 6000 + at);
      protocol.reported(report());
    }
    expect(protocol.state.phase).toBe("settling");
    protocol.tick(STARTED_MS + 6000 + 302_000);
    expect(protocol.state).toMatchObject({ phase: "failed", failure: { code: "outcome_late" } });
  });
});

describe("a camera that stops in the middle", () => {
  const MUTED = { code: "camera_muted", sentence: "…" };

  test("ends a capture that is long enough, and it is kept", () => {
    const { protocol, beganAt } = recording();
    protocol.frame(jpeg(), 0, beganAt);
    expect(protocol.interrupt(MUTED, beganAt + 2500)).toHaveLength(1);
    expect(protocol.state).toMatchObject({ phase: "closing", cut: MUTED, failure: null });
  });

  test("ends one that is too short without keeping it", () => {
    const { protocol, beganAt } = recording();
    protocol.frame(jpeg(), 0, beganAt);
    expect(protocol.interrupt(MUTED, beganAt + 500)).toEqual([]);
    expect(protocol.state).toMatchObject({ phase: "failed", failure: MUTED });
  });

  test("or shows black, or the same, is marked with how long", () => {
    const { protocol, beganAt } = recording();
    protocol.frame(jpeg(), 0, beganAt);
    protocol.frame(jpeg(), 1, beganAt + 1000, "black");
    protocol.frame(jpeg(), 2, beganAt + 1500, "black");
    protocol.frame(jpeg(), 3, beganAt + 2500, "still");
    expect(protocol.state).toMatchObject({ picture: "still", blackMs: 1500, stillMs: 1000 });
  });
});
