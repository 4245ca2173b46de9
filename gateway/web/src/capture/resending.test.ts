import { describe, expect, test } from "vitest";

import constants from "../api/constants.json";
import type { CaptureClose, CaptureOpen, FrameMeta } from "../api/messages";
import { DEFAULT_LIMITS, fpsOf } from "./limits";
import type { CaptureReport, CaptureWindow } from "./messages";
import { CaptureProtocol, isOver, LOST_MS } from "./protocol";
import { maySendAgain, Take, type Message } from "./take";

const WINDOW: CaptureWindow = {
  session: { sessionId: "sess_0123456789abcdef", userId: "user-1", performerId: "carer-1" },
  captureId: "first",
  recordId: "00000000-0000-4000-8000-000000000001",
  intent: "more",
  width: 640,
  height: 480,
  limits: DEFAULT_LIMITS,
};
const WALL_MS = Date.UTC(2026, 0, 2, 3, 4, 5);
const BEGAN_MS = 4000;
const ABORTED: CaptureReport = {
  record_id: "r",
  status: "aborted",
  accepted: 1,
  extracted: 0,
  found: { pose: 0, left_hand: 0, right_hand: 0, face: 0 },
  error_code: "client_disconnected",
};
const RECORDED: CaptureReport = { ...ABORTED, status: "recorded", error_code: undefined as never };
const UNKNOWN = { code: "unknown_capture", sentence: "…" };

const progress = (change: object = {}) =>
  JSON.stringify({
    event: "capture.progress",
    capture_id: "c",
    status: "extracting",
    accepted: 0,
    extracted: 0,
    backlog: 0,
    slow_down: false,
    found: ABORTED.found,
    ...change,
  });

/** The frames' bytes and times, and the end, in the messages of one attempt; ids are left out. */
function content(sent: readonly Message[]): readonly unknown[] {
  return sent.map((message) => {
    if (typeof message !== "string") return [...new Uint8Array(message)];
    const { event, timestamp_start, timestamp_end } = JSON.parse(message) as CaptureOpen & CaptureClose;
    const { seq, timestamp_frame, byte_length } = JSON.parse(message) as FrameMeta;
    return { event, timestamp_start, timestamp_end, seq, timestamp_frame, byte_length };
  });
}

function parsed<T>(message: Message | undefined): T {
  return JSON.parse(message as string) as T;
}

/** A protocol in the middle of a take, and the messages of its attempts. */
function taking() {
  let ids = 0;
  const protocol = new CaptureProtocol(WINDOW, () => `id-${(ids += 1)}`);
  const attempts: Message[][] = [[...protocol.connected(1000, WALL_MS)]];
  let at = BEGAN_MS;
  let taken = 0;
  const send = (messages: readonly Message[]) => attempts.at(-1)?.push(...messages);
  for (const ms of [1000, BEGAN_MS]) protocol.received(progress(), ms);
  send(protocol.tick(BEGAN_MS));
  expect(protocol.state.phase).toBe("recording");
  return {
    protocol,
    attempts,
    take(frames: number) {
      for (let left = frames; left > 0; left -= 1) {
        at += 100;
        expect(protocol.wantsFrame(taken, 0)).toBe(true);
        const bytes = new Uint8Array([255, 216, taken]).buffer;
        send(protocol.frame({ bytes, width: 640, height: 480 }, taken, at));
        taken += 1;
      }
    },
    stop: () => send(protocol.stop(BEGAN_MS + 3000)),
    /** The connection is back: the client connects again, and the server has an extractor. */
    back() {
      expect(protocol.link).toBe("connecting");
      attempts.push([...protocol.connected(at, WALL_MS + 99_999)]);
      protocol.received(progress(), at);
      send(protocol.tick(at));
    },
  };
}

/** The messages of a take whose connection is never lost. */
function uncut(): readonly unknown[] {
  const { attempts, take, stop } = taking();
  take(6);
  stop();
  return content(attempts[0] ?? []);
}

describe("a take whose connection is lost", () => {
  test("is kept, goes on, and is sent again with the same times and bytes", () => {
    const { protocol, attempts, take, stop, back } = taking();
    take(2);
    protocol.disconnected(1006, "");
    expect(protocol.state).toMatchObject({ phase: "recording", lost: true, resent: false });
    expect(protocol.link).toBe("asking");
    take(2);
    protocol.unreported({ code: "network_error", sentence: "…" });
    expect(protocol.link).toBe("asking");
    expect(protocol.state.trouble).toBeNull();
    protocol.reported(ABORTED);
    back();
    expect(protocol.state).toMatchObject({ lost: false, resent: true, sent: 4 });
    take(2);
    stop();
    const open = parsed<CaptureOpen>(attempts[1]?.[0]);
    expect(open).toMatchObject({ capture_id: "id-1", record_id: "id-2", session_id: WINDOW.session.sessionId });
    expect(open.annotation).toEqual({ intent: "more", resend_of: "first" });
    expect(content(attempts[1] ?? [])).toEqual(uncut());
    expect(protocol.window).toMatchObject({ captureId: "id-1", recordId: "id-2" });
    protocol.disconnected(1000, "");
    protocol.reported(RECORDED);
    expect(protocol.state).toMatchObject({ phase: "recorded", resent: true, lost: false });
  });

  test("can be stopped meanwhile, and is sent when the connection is back, however late", () => {
    const { protocol, attempts, take, stop, back } = taking();
    take(2);
    protocol.disconnected(1006, "");
    take(4);
    stop();
    expect(protocol.state).toMatchObject({ phase: "closing", lost: true });
    for (let hour = 0; hour < 3600; hour += 1) protocol.tick(BEGAN_MS + 3000 + 1000 * hour);
    expect(protocol.state).toMatchObject({ phase: "closing", lost: true });
    protocol.reported(ABORTED);
    back();
    expect(content(attempts[1] ?? [])).toEqual(uncut());
  });

  test("names its first attempt in each later one", () => {
    const { protocol, attempts, take, back } = taking();
    take(1);
    for (const attempt of [1, 2]) {
      protocol.disconnected(1006, "");
      protocol.reported(ABORTED);
      back();
      expect(parsed<CaptureOpen>(attempts[attempt]?.[0]).annotation?.resend_of).toBe("first");
    }
    expect(protocol.window.captureId).toBe("id-3");
  });

  test("keeps its ids if the server does not know them: an open that arrives late cannot be recorded too", () => {
    const { protocol, attempts, take, back } = taking();
    take(1);
    protocol.disconnected(1006, "");
    protocol.unreported(UNKNOWN);
    back();
    const open = parsed<CaptureOpen>(attempts[1]?.[0]);
    expect(open).toMatchObject({ capture_id: "first", record_id: WINDOW.recordId, annotation: { intent: "more" } });
    protocol.disconnected(1006, "");
    protocol.unreported(UNKNOWN);
    protocol.disconnected(1008, "duplicate_capture"); // the late open has the ids: the page asks for its outcome
    expect(protocol.link).toBe("asking");
    expect(isOver(protocol.state)).toBe(false);
  });

  test("is not sent again while the server may still record the first attempt, nor if it did", () => {
    const { protocol, take, stop } = taking();
    take(6);
    stop();
    protocol.disconnected(1006, "");
    protocol.reported({ ...ABORTED, status: "extracting" });
    expect(protocol.link).toBe("up");
    protocol.reported(RECORDED);
    expect(protocol.state).toMatchObject({ phase: "recorded", resent: false });
  });

  test.each(["aborted", "unknown"])("is sent again if its close was not heard: %s", (status) => {
    const { protocol, attempts, take, stop, back } = taking();
    take(6);
    stop();
    protocol.disconnected(1006, "");
    if (status === "aborted") protocol.reported({ ...ABORTED, error_code: "gateway_lost" });
    else protocol.unreported(UNKNOWN);
    expect(protocol.state).toMatchObject({ phase: "closing", lost: true });
    back();
    expect(content(attempts[1] ?? [])).toEqual(uncut());
  });

  test("is not safe before it is recorded: a server that answers no more is asked for as long as it takes", () => {
    const { protocol, take, stop } = taking();
    take(6);
    stop();
    protocol.disconnected(1000, "");
    for (let second = 0; second < 600; second += 1) protocol.tick(BEGAN_MS + 3000 + 1000 * second);
    expect(protocol.state).toMatchObject({ phase: "closing", lost: true });
    protocol.reported(RECORDED);
    expect(protocol.state).toMatchObject({ phase: "recorded", lost: false });
  });

  test("is lost for the page too if the server is silent for long, and when it connects in vain", () => {
    const { protocol, take } = taking();
    take(1);
    protocol.tick(BEGAN_MS + LOST_MS);
    expect(protocol.link).toBe("asking");
    protocol.reported(ABORTED);
    protocol.tick(BEGAN_MS + 2 * LOST_MS + 1);
    expect(protocol.link).toBe("asking");
  });

  test("goes on while the server is silent, and the frames are sent when it speaks", () => {
    const { protocol, attempts, take } = taking();
    const most = 2 * fpsOf(DEFAULT_LIMITS);
    take(most);
    protocol.tick(BEGAN_MS + 3000);
    expect(protocol.state.silent).toBe(true);
    take(5);
    expect(attempts[0]).toHaveLength(1 + 2 * most);
    protocol.received(progress({ accepted: most }), BEGAN_MS + 4000);
    attempts[0]?.push(...protocol.tick(BEGAN_MS + 4000));
    expect(attempts[0]).toHaveLength(1 + 2 * (most + 5));
  });

  test("waits until the person has signed in again, if the token was revoked", () => {
    const { protocol, attempts, take, stop, back } = taking();
    take(2);
    protocol.received(JSON.stringify({ event: "capture.abort", error_code: "access_ended" }), BEGAN_MS);
    expect(protocol.state).toMatchObject({ phase: "recording", lost: true });
    expect(protocol.link).toBe("asking"); // the question for the outcome is the one that asks the person
    take(4);
    protocol.unreported({ code: "token_required", sentence: "…" }); // the person has cancelled
    expect(protocol.link).toBe("asking");
    protocol.reported({ ...ABORTED, error_code: "access_ended" });
    back();
    stop();
    expect(content(attempts[1] ?? [])).toEqual(uncut());
  });

  test("ends with a reason that another attempt would not change", () => {
    for (const code of ["session_closed", "consent_withdrawn", "invalid_frame"]) {
      const { protocol, take } = taking();
      take(1);
      protocol.disconnected(1006, "");
      protocol.reported({ ...ABORTED, error_code: code });
      expect(protocol.state).toMatchObject({ phase: "failed", lost: false, failure: { code } });
    }
  });

  test("ends when the person cancels", () => {
    const { protocol, take } = taking();
    take(1);
    protocol.disconnected(1006, "");
    protocol.fail({ code: "capture_cancelled", sentence: "…" });
    protocol.reported(ABORTED);
    expect(protocol.state).toMatchObject({ phase: "failed", lost: false, failure: { code: "capture_cancelled" } });
  });

  test("is not sent again for ever", () => {
    const { protocol, take, back } = taking();
    take(1);
    for (let attempt = 0; attempt < 20; attempt += 1) {
      protocol.disconnected(1006, "");
      protocol.reported(ABORTED);
      back();
    }
    protocol.disconnected(1006, "");
    expect(protocol.state).toMatchObject({ phase: "failed", failure: { code: "socket_lost" } });
  });
});

test("the codes after which a take is sent again", () => {
  const again = [...constants.capture_codes, "socket_lost"].filter(maySendAgain);
  expect(again).toEqual([
    "limit_forward_buffer_exceeded",
    "protocol_violation",
    "forward_failed",
    "server_shutdown",
    "client_disconnected",
    "gateway_lost",
    "frames_lost",
    "access_ended",
    "too_many_captures",
    "frames_broker_full",
    "brokers_unready",
    "open_timeout",
    "socket_lost",
  ]);
});

test("a take has at most as many frames and bytes as the server accepts", () => {
  const take = new Take({ ...DEFAULT_LIMITS, max_frames: 2, max_total_bytes: 10 });
  take.add(0, new ArrayBuffer(8));
  expect([take.fits(2), take.fits(3)]).toEqual([true, false]);
  take.add(1, new ArrayBuffer(1));
  expect(take.fits(1)).toBe(false);
});

test("a take is sent in pieces: as many frames and bytes as there is room for, and the close behind the last", () => {
  const take = new Take(DEFAULT_LIMITS);
  for (const ms of [0, 1, 2]) take.add(ms, new ArrayBuffer(100));
  take.end(3);
  expect(take.messages(WINDOW, 5, 50)).toHaveLength(2);
  expect(take.messages(WINDOW, 5, -1)).toEqual([]);
  expect(take.messages(WINDOW, 1, 1000)).toHaveLength(2);
  expect(take.messages(WINDOW, 5, 1000)).toHaveLength(3);
  expect(take.messages(WINDOW, 5, 1000)).toEqual([]);
});
