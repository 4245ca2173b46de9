import type { CaptureMotion } from "../api/messages";
import { PARTS } from "../api/skeleton";
import type { LibraryCaptureWithHistory } from "../library/api";
import { answer, type FakeServer } from "./server";

/**
 * A movement with a frame each tenth of a second: the names of the parts that are found in it, separated by spaces;
 * "damaged" for a frame whose picture could not be read.
 */
export function motionOf(frames: readonly string[]): CaptureMotion {
  const parts = Object.fromEntries(
    PARTS.map((part) => [
      part,
      {
        landmarks: [0, 1],
        lines: [[0, 1]],
        frames: frames.map((found) => (found.split(" ").includes(part) ? [100, 100, 200, 200] : null)),
      },
    ]),
  );
  return {
    capture_id: "capture-1",
    detail: "full",
    width: 640,
    height: 480,
    frames: frames.length,
    duration_ms: 100 * Math.max(0, frames.length - 1),
    scale: 1000,
    frame: frames.map((_, at) => at),
    time_ms: frames.map((_, at) => 100 * at),
    decoded: frames.map((found) => found !== "damaged"),
    parts,
  } as unknown as CaptureMotion;
}

type Capture = LibraryCaptureWithHistory;

/** A capture as the server describes it. */
export function captureOf(capture_id: string, change: Partial<Capture> = {}): Capture {
  return {
    capture_id,
    record_id: "1f0e2d3c-4b5a-4978-8695-a4b3c2d1e0f9",
    session_id: "sess_0123456789abcdef",
    user_id: "anna",
    participant: "anna",
    label: "more",
    recorded_at: "2026-11-28T10:00:05.000Z",
    timestamp_start: "2026-11-28T10:00:00.000Z",
    frames: 60,
    duration_ms: 4000,
    fps: 15,
    found: { pose: 60, left_hand: 30, right_hand: 60, face: 60 },
    quality: { verdict: "good", reasons: [] },
    review: null,
    consent: "given",
    state: "kept",
    history: [event("capture.recorded", {}, "system")],
    ...change,
  };
}

function event(name: string, details: Record<string, unknown>, performer_id: string): Capture["history"][number] {
  return {
    event: name,
    recorded_at: "2026-11-28T10:00:05.000Z",
    record_id: "1f0e2d3c-4b5a-4978-8695-a4b3c2d1e0f9",
    performer_id,
    whole_session: false,
    details,
  };
}

const NAMES = {
  review: "capture.reviewed",
  relabel: "capture.relabelled",
  reassign: "capture.reassigned",
  withdraw: "consent.withdrawn",
} as const;

/** A library on a fake server: statements change its captures and their history, as in the gateway. */
export class FakeLibrary {
  readonly captures: Map<string, Capture>;
  readonly #queries: readonly string[];

  /** @param captures the newest first. `queries` are the lists that a page may ask for. */
  constructor(
    readonly server: FakeServer,
    captures: readonly Capture[],
    queries: readonly string[] = ["limit=60"],
  ) {
    this.captures = new Map(captures.map((capture) => [capture.capture_id, capture]));
    this.#queries = queries;
    this.serve();
  }

  /** Answers every request, also after a test has made one fail. */
  serve(): void {
    const { server } = this;
    for (const query of this.#queries) {
      server.on(`GET /library/captures?${query}`, () =>
        answer({ captures: [...this.captures.values()], next: null, total: this.captures.size }),
      );
    }
    for (const id of this.captures.keys()) {
      server
        .on(`GET /library/captures/${id}`, () => answer(this.captures.get(id)))
        .on(`GET /library/captures/${id}/motion?detail=full`, () => answer(motionOf(MOVEMENT)));
    }
    server.on("GET /library/summary", () => answer({ label: { more: 2, "": 1 }, participant: { anna: 3 } }));
    for (const kind of ["review", "relabel", "reassign", "withdraw"] as const) {
      server.on(`POST /library/${kind}`, ({ json }) => {
        this.#hear(kind, json as Record<string, string>);
        return answer({ record_id: "r", recorded_at: "2026-11-28T10:01:00.000Z" }, 201);
      });
    }
  }

  /** What was said, in order: the fields of the requests. */
  get said(): Record<string, unknown>[] {
    return this.server.asked
      .filter(({ method, path }) => method === "POST" && path.startsWith("/library/"))
      .map(({ json }) => json as Record<string, unknown>);
  }

  change(id: string, change: Partial<Capture>): void {
    this.captures.set(id, { ...(this.captures.get(id) as Capture), ...change });
  }

  #hear(kind: keyof typeof NAMES, { capture_id = "", performer_id = "", ...said }: Record<string, string>): void {
    const before = this.captures.get(capture_id) as Capture;
    const { verdict, reason, intent, participant, erase } = said;
    const details = { verdict, reason, intent, participant, erase };
    const changes = {
      review: { review: verdict },
      relabel: { label: intent },
      reassign: { participant },
      withdraw: { consent: "withdrawn", state: "withdrawn" },
    }[kind] as Partial<Capture>;
    this.change(capture_id, { ...changes, history: [...before.history, event(NAMES[kind], details, performer_id)] });
  }
}

const MOVEMENT = ["face pose", "face pose left_hand", "face pose left_hand", "damaged", ""];
