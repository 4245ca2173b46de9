import type { CaptureMotion, LibrarySummary } from "../api/messages";
import type { LibraryCapture } from "../library/api";
import { answer, FakeServer } from "./server";

/** A recorded capture; the number makes its ids. */
export function recorded(number: number, changes: Partial<LibraryCapture> = {}): LibraryCapture {
  return {
    capture_id: `c${number}`,
    record_id: `0000000${number}`,
    session_id: "sess_0123456789abcdef",
    user_id: "u1",
    participant: "u1",
    label: "more",
    recorded_at: "2026-01-31T12:00:05.000Z",
    timestamp_start: "2026-01-31T12:00:00.000Z",
    frames: 30,
    duration_ms: 2000,
    fps: 15,
    found: null,
    quality: { verdict: "good", reasons: [] },
    review: null,
    consent: "given",
    state: "kept",
    ...changes,
  };
}

/** The counts of some captures. */
export function summaryOf(captures: readonly LibraryCapture[]): LibrarySummary {
  const count = (name: (capture: LibraryCapture) => string) => {
    const counts: Record<string, number> = {};
    for (const capture of captures) counts[name(capture)] = (counts[name(capture)] ?? 0) + 1;
    return counts;
  };
  return {
    total: captures.length,
    sessions: 1,
    user: count(({ user_id }) => user_id),
    participant: count(({ participant }) => participant),
    label: count(({ label }) => label ?? ""),
    quality: count(({ quality }) => quality?.verdict ?? "none"),
    review: count(({ review }) => review ?? "none"),
    consent: count(({ consent }) => consent),
    state: count(({ state }) => state),
  };
}

/** A movement of two frames: the first has a left hand and a pose, the second only a pose. */
export const MOTION: CaptureMotion = {
  detail: "thumbnail",
  width: 640,
  height: 480,
  frames: 2,
  duration_ms: 100,
  scale: 1000,
  frame: [0, 1],
  time_ms: [0, 100],
  decoded: [true, true],
  parts: {
    pose: {
      landmarks: [11, 12, 13],
      lines: [
        [0, 1],
        [1, 2],
      ],
      frames: [
        [100, 200, 300, 400, null, null],
        [0, 0, 1000, 1000, 500, 500],
      ],
    },
    left_hand: { landmarks: [0, 1], lines: [[0, 1]], frames: [[1, 2, 3, 4], null] },
    right_hand: { landmarks: [], lines: [], frames: [null, null] },
    face: { landmarks: [], lines: [], frames: [null, null] },
  },
};

const said = () => answer({ record_id: "1", recorded_at: "2026-01-31T12:00:05.000Z" }, 201);

/** A server with these captures, in pages, that takes every statement. */
export function serveLibrary(captures: readonly LibraryCapture[]): FakeServer {
  return new FakeServer()
    .on("GET /library/captures", ({ path }) => {
      const query = new URLSearchParams(path.split("?")[1]);
      const from = Number(query.get("cursor") ?? 0);
      const to = from + Number(query.get("limit"));
      const next = to < captures.length ? String(to) : null;
      return answer({ captures: captures.slice(from, to), next, total: captures.length });
    })
    .on("GET /library/summary", () => answer(summaryOf(captures)))
    .on("POST /library/review", said)
    .on("POST /library/relabel", said)
    .on("POST /library/reassign", said)
    .on("POST /library/withdraw", () => answer({ withdrawn: captures.length, erasing: 0 }, 202));
}
