import type { Failure } from "../api/failure";
import { newRecordId } from "../api/header";
import type { CaptureAbort, CaptureProgress, ClientLimits, Found, Quality } from "../api/messages";
import type { JpegFrame } from "../camera/grab";
import type { Picture } from "../camera/PictureWatch";
import { captureFailure, closeFailure } from "./failures";
import { maxDurationMs, minDurationMs } from "./limits";
import { openMessage, type CaptureReport, type CaptureWindow } from "./messages";
import { adapt, FIRST_QUALITY, FULL_PACE, maxAheadFrames, MAX_BUFFERED_BYTES, nextQuality } from "./pace";
import { maySendAgain, Take, type Message } from "./take";

/**
 * opening → counting → recording → closing → settling → recorded; `failed` from any of them.
 *
 * `closing`: the server stores the last frames. `settling`: it extracts the landmarks and writes the log line.
 */
export type Phase = "opening" | "counting" | "recording" | "closing" | "settling" | "recorded" | "failed";

export interface CaptureState {
  readonly phase: Phase;
  /** The server's limits for this capture. */
  readonly limits: ClientLimits;
  /** Whether an extractor has the capture. Recording does not begin before. */
  readonly claimed: boolean;
  /** Whole seconds until recording begins; 0 while the page waits only for the extractor. */
  readonly countdownS: number;
  /** The recorded time so far. */
  readonly elapsedMs: number;
  readonly sent: number;
  readonly extracted: number;
  readonly backlog: number;
  readonly found: Found;
  /** The current number of ticks per frame; above 1, the server has asked for fewer frames. */
  readonly ticksPerFrame: number;
  readonly hash: string | null;
  /** What the server thinks of the recorded capture; null before, and from an older server. */
  readonly quality: Quality | null;
  /** Why it `failed`. */
  readonly failure: Failure | null;
  /** Why the last request for the outcome failed; the page asks again. */
  readonly trouble: Failure | null;
  /** Whether the server has sent nothing for some seconds. The page then shows that nothing is being recorded. */
  readonly silent: boolean;
  /** What the camera delivers now. */
  readonly picture: Picture;
  /** For how long the picture was black. */
  readonly blackMs: number;
  /** For how long it did not move. */
  readonly stillMs: number;
  /** Whether the connection is lost. The page then keeps what is recorded, and sends it again. */
  readonly lost: boolean;
  /** Whether the take was sent again. */
  readonly resent: boolean;
  /** Why the capture was stopped before the person pressed Stop, if it is kept. */
  readonly cut: Failure | null;
}

export type { Message };

/**
 * The connection of a capture, as the client makes it: `up`; `asking` the server about the outcome of the last attempt;
 * `connecting` for another one.
 */
export type Link = "up" | "asking" | "connecting";

/** How many times a take is sent again at most. */
const ATTEMPTS = 20;

export const COUNTDOWN_MS = 3000;
/** The shortest time between the extractor's start and the first frame, so that a person who has waited can get ready. */
const WARNING_MS = 1000;
const NO_PICTURE_MS = 3000;
/** How long the server may send nothing before the page calls it silent. It normally sends a message every second. */
export const SILENT_MS = 2500;
/** How long it may send nothing before the page gives up: by then the server has ended the capture (`gateway_lost`). */
export const LOST_MS = 15_000;
/** After how long without an answer to the question for the outcome the connection is lost. */
const UNREPORTED_MS = 60_000;
/** How long it waits while the server's answer does not change. */
const UNCHANGED_MS = 300_000;
/** The most time that counts between two ticks: a page that the browser suspended did not miss pictures meanwhile. */
const LONGEST_STEP_MS = 500;

const NOTHING: readonly Message[] = [];
const ENDED: ReadonlySet<Phase> = new Set(["recorded", "failed"]);

/** Whether the capture has ended, recorded or failed. */
export function isOver({ phase }: CaptureState): boolean {
  return ENDED.has(phase);
}

/** Whether the capture is running, or its last pictures are being sent. */
export function isCapturing(state: CaptureState): boolean {
  return isRunning(state) || state.phase === "closing";
}

/** Whether the capture still needs the camera. */
export function isRunning({ phase }: CaptureState): boolean {
  return phase === "opening" || phase === "counting" || phase === "recording";
}

/** Whether the capture can be stopped and kept. */
export function canStop({ phase, elapsedMs, sent, limits }: CaptureState): boolean {
  return phase === "recording" && elapsedMs >= minDurationMs(limits) && sent > 0;
}

/**
 * The client's side of one capture: the rules for its messages and its state. No socket, no timer, no clock.
 *
 * Every call gets the time `nowMs` of a monotonic clock, the frame ticker's, and returns the messages to send, in order.
 * Event time is `timestamp_start` plus the time of that clock since recording began. `timestamp_start` is the end of the
 * count-down; the open message has it already, so it is exact unless the capture then waits for an extractor.
 */
export class CaptureProtocol {
  #state: CaptureState;
  readonly #firstId: string;
  readonly #newId: () => string;
  readonly #take: Take;
  #window: CaptureWindow;
  #link: Link = "up";
  #attempts = 0;
  readonly #maxMs: number;
  #startsAtMs = Infinity;
  #timestampStartMs = 0;
  #recordingSinceMs = 0;
  #frameMs = -1;
  #lastSentTick = -Infinity;
  #accepted = 0;
  #bufferedBytes = 0;
  /** Whether the limits allow no further frame. */
  #full = false;
  #nowMs = 0;
  #heardAtMs = Infinity;
  #phaseSinceMs = 0;
  #reportedAtMs = 0;
  #changedAtMs = 0;
  #picturelessMs = 0;
  #pictureAtMs = 0;
  #slowDown = false;
  #pace = FULL_PACE;
  #quality = FIRST_QUALITY;

  /** `newId` makes the ids of further attempts. */
  constructor(window: CaptureWindow, newId: () => string = newRecordId) {
    this.#window = window;
    this.#firstId = window.captureId;
    this.#newId = newId;
    this.#take = new Take(window.limits);
    this.#maxMs = maxDurationMs(window.limits);
    this.#state = {
      phase: "opening",
      limits: window.limits,
      claimed: false,
      countdownS: COUNTDOWN_MS / 1000,
      elapsedMs: 0,
      sent: 0,
      extracted: 0,
      backlog: 0,
      found: { pose: 0, left_hand: 0, right_hand: 0, face: 0 },
      ticksPerFrame: 1,
      hash: null,
      quality: null,
      failure: null,
      trouble: null,
      silent: false,
      picture: "live",
      blackMs: 0,
      stillMs: 0,
      lost: false,
      resent: false,
      cut: null,
    };
  }

  get state(): CaptureState {
    return this.#state;
  }

  /** The window of the present attempt: its ids change when the take is sent again. */
  get window(): CaptureWindow {
    return this.#window;
  }

  /** What the client has to do now: see `Link`. */
  get link(): Link {
    return this.#link;
  }

  /** The JPEG quality for the next frame. */
  get quality(): number {
    return this.#quality;
  }

  // --- the socket

  /** Handles the socket's opening. `wallMs` is the time of day; only this call needs it. */
  connected(nowMs: number, wallMs: number): readonly Message[] {
    if (this.#link === "connecting") return this.#reopened(nowMs);
    if (this.#state.phase !== "opening") return NOTHING;
    this.#heardAtMs = this.#nowMs = nowMs;
    this.#startsAtMs = nowMs + COUNTDOWN_MS;
    this.#timestampStartMs = Math.round(wallMs) + COUNTDOWN_MS;
    this.#set({ phase: "counting" });
    return [JSON.stringify(openMessage(this.#window, this.#timestampStartMs))];
  }

  /** Handles a text message of the server. */
  received(text: string, nowMs: number): void {
    this.#heardAtMs = nowMs;
    if (this.#state.silent) this.#set({ silent: false });
    const message = parsed(text);
    if (message?.event === "capture.abort") this.#ended(captureFailure(message.error_code));
    if (message?.event !== "capture.progress" || this.#link === "asking") return;
    if (this.#link === "connecting") {
      this.#link = "up";
      this.#phaseSinceMs = nowMs;
      this.#set({ lost: false, resent: true });
    }
    this.#accepted = message.accepted;
    this.#slowDown = message.slow_down;
    const claimed = message.status === "extracting";
    if (claimed && !this.#state.claimed) this.#startsAtMs = Math.max(this.#startsAtMs, nowMs + WARNING_MS);
    const { extracted, backlog, found } = message;
    this.#set({ claimed: claimed || this.#state.claimed, extracted, backlog, found });
  }

  /** Handles the close of the socket, by either side. */
  disconnected(closeCode: number, reason: string): void {
    const { phase } = this.#state;
    if (this.#link === "asking" || phase === "settling") return;
    if (phase === "closing" && this.#take.closed && !reason) {
      // the server may have accepted the close although its answer was lost; the capture's record has the outcome
      this.#startSettling();
    } else this.#ended(closeFailure(closeCode, reason, phase !== "opening"));
  }

  /** Handles the end of an attempt: the take is sent again if the reason allows it, and there is a take. */
  #ended(failure: Failure): void {
    const { phase } = this.#state;
    const late = this.#link === "connecting" && failure.code === "duplicate_capture"; // the take's own open, which was late
    const taken = phase === "recording" || phase === "closing" || phase === "settling";
    if (!taken || !(late || maySendAgain(failure.code)) || this.#attempts >= ATTEMPTS) this.fail(failure);
    else if (!isOver(this.#state)) this.#lose();
  }

  /** Begins to ask for the outcome of the attempt, while recording goes on. */
  #lose(): void {
    const { phase } = this.#state;
    this.#link = "asking";
    this.#slowDown = false;
    this.#take.rewind();
    this.#set({ lost: true, silent: false, trouble: null, phase: phase === "settling" ? "closing" : phase });
  }

  #reconnect(): void {
    this.#link = "connecting";
    this.#heardAtMs = this.#nowMs;
  }

  /** The open message of another attempt. */
  #reopened(nowMs: number): readonly Message[] {
    this.#heardAtMs = this.#nowMs = nowMs;
    this.#accepted = 0;
    this.#set({ claimed: false });
    return [JSON.stringify(openMessage(this.#window, this.#timestampStartMs))];
  }

  /** The next frames of the take for which there is room, and its close. */
  #outgoing(): readonly Message[] {
    const { phase, claimed } = this.#state;
    if (this.#link !== "up" || !claimed || (phase !== "recording" && phase !== "closing")) return NOTHING;
    const ahead = maxAheadFrames(this.#window.limits) - (this.#take.sent - this.#accepted);
    const frames = Math.max(0, this.#slowDown ? Math.min(1, ahead) : ahead);
    return this.#take.messages(this.#window, frames, MAX_BUFFERED_BYTES - this.#bufferedBytes);
  }

  // --- time

  /**
   * Checks all times: the count-down, the server's silence, the longest capture. Call it a few times a second.
   * `bufferedBytes` is what the socket has not sent yet.
   */
  tick(nowMs: number, bufferedBytes = 0): readonly Message[] {
    this.#bufferedBytes = bufferedBytes;
    const stopped = this.#checkTimes(nowMs);
    return [...stopped, ...this.#outgoing()];
  }

  #checkTimes(nowMs: number): readonly Message[] {
    const stepMs = Math.min(LONGEST_STEP_MS, nowMs - this.#nowMs);
    this.#nowMs = nowMs;
    this.#checkSilence();
    this.#waitForOutcome();
    const { phase, claimed, silent } = this.#state;
    if (phase === "counting") {
      this.#set({ countdownS: Math.max(0, Math.ceil((this.#startsAtMs - nowMs) / 1000)) });
      if (claimed && !silent && nowMs >= this.#startsAtMs) {
        this.#recordingSinceMs = nowMs;
        this.#set({ phase: "recording", countdownS: 0 });
      }
    }
    if (phase !== "recording") return NOTHING;
    const elapsedMs = Math.min(nowMs - this.#recordingSinceMs, this.#maxMs);
    this.#pace = adapt(this.#pace, this.#slowDown, nowMs, this.#window.limits);
    this.#set({ ticksPerFrame: this.#pace.ticksPerFrame, elapsedMs });
    this.#picturelessMs += stepMs;
    if (this.#picturelessMs >= NO_PICTURE_MS) return this.interrupt(captureFailure("no_picture"), nowMs);
    return elapsedMs >= this.#maxMs || this.#full ? this.stop(nowMs) : NOTHING;
  }

  /** Whether to take a frame at tick number `index`. A frame that is not taken gets no seq, so nothing queues. */
  wantsFrame(index: number, bufferedBytes: number): boolean {
    const { phase, sent, silent } = this.#state;
    if (phase !== "recording" || index - this.#lastSentTick < this.#pace.ticksPerFrame) return false;
    this.#bufferedBytes = bufferedBytes;
    const held = this.#link !== "up" || silent || this.#take.sent < this.#take.length; // it is kept, and sent later
    const ahead = sent - this.#accepted;
    const room = held || (bufferedBytes <= MAX_BUFFERED_BYTES && ahead < maxAheadFrames(this.#window.limits));
    if (!room) this.#picturelessMs = 0; // the network is slow, not the camera
    return room;
  }

  /** Handles the frame of tick `index`, taken at `nowMs`; null if there was no picture. `picture` is its kind. */
  frame(jpeg: JpegFrame | null, index: number, nowMs: number, picture: Picture = "live"): readonly Message[] {
    if (this.#state.phase !== "recording" || !jpeg) return NOTHING;
    this.#notePicture(picture, nowMs);
    const { byteLength } = jpeg.bytes;
    const { limits } = this.#window;
    this.#quality = nextQuality(this.#quality, byteLength, limits);
    const elapsedMs = Math.round(nowMs - this.#recordingSinceMs);
    this.#full ||= !this.#take.fits(byteLength);
    if (this.#full || byteLength > limits.max_frame_bytes || elapsedMs > this.#maxMs) return NOTHING;
    this.#picturelessMs = 0;
    this.#frameMs = Math.max(this.#frameMs + 1, elapsedMs);
    this.#lastSentTick = index;
    this.#take.add(this.#timestampStartMs + this.#frameMs, jpeg.bytes);
    this.#set({ sent: this.#take.length });
    return this.#outgoing();
  }

  // --- the person

  /** Stops the capture and keeps it; does nothing before the shortest time that the server accepts. */
  stop(nowMs: number): readonly Message[] {
    if (this.#state.phase === "recording") {
      const elapsedMs = Math.min(nowMs - this.#recordingSinceMs, this.#maxMs);
      this.#set({ elapsedMs });
    }
    if (!canStop(this.#state)) return NOTHING;
    const endMs = Math.max(this.#frameMs, Math.round(this.#state.elapsedMs));
    this.#set({ phase: "closing" });
    this.#phaseSinceMs = nowMs;
    this.#take.end(this.#timestampStartMs + endMs);
    return this.#outgoing();
  }

  /** Ends the capture with this failure, unless it has already ended. */
  fail(failure: Failure): void {
    if (isOver(this.#state)) return;
    this.#take.forget();
    this.#set({ phase: "failed", failure, trouble: null, silent: false, lost: false });
  }

  /** Stops the capture because it cannot continue; it is kept if it is long enough. */
  interrupt(why: Failure, nowMs: number): readonly Message[] {
    const messages = this.stop(nowMs);
    if (this.#state.phase === "closing") this.#set({ cut: this.#state.cut ?? why });
    else this.fail(why);
    return messages;
  }

  // --- the outcome

  /** Handles the server's report of the capture: while `settling`, and after an attempt that was lost. */
  reported(report: CaptureReport): void {
    if (report.status === "aborted") return this.#aborted(captureFailure(report.error_code ?? "internal_error"));
    if (this.#state.phase !== "settling" && !(this.#link === "asking" && report.status === "recorded")) return;
    const { extracted, found } = report;
    this.#reportedAtMs = this.#nowMs;
    if (extracted !== this.#state.extracted) this.#changedAtMs = this.#nowMs;
    this.#set({ extracted, found, backlog: Math.max(0, report.accepted - extracted), trouble: null });
    if (report.status === "recorded") {
      const { raw_features_ref, quality } = report;
      this.#take.forget();
      this.#link = "up";
      this.#set({ phase: "recorded", lost: false, hash: raw_features_ref?.hash ?? null, quality: quality ?? null });
    }
  }

  /** Handles a failed request for the report. The client asks again, unless the server does not know the capture. */
  unreported(failure: Failure): void {
    if (this.#link !== "asking" && this.#state.phase !== "settling") return;
    if (failure.code === "unknown_capture") {
      // The open did not arrive, or has not yet. With the same ids it cannot be recorded twice: the server refuses one.
      this.#ended(captureFailure("socket_lost"));
      if (this.#link === "asking") this.#reconnect();
    } else if (this.#state.phase === "settling") this.#set({ trouble: failure });
  }

  /** Handles the outcome of an attempt that was aborted: nothing of it is recorded, so the take is sent with new ids. */
  #aborted(failure: Failure): void {
    if (this.#link !== "asking" && this.#state.phase !== "settling") return;
    this.#ended(failure);
    if (this.#link !== "asking" || isOver(this.#state)) return;
    this.#attempts += 1;
    this.#window = {
      ...this.#window,
      captureId: this.#newId(),
      recordId: this.#newId(),
      resendOf: this.#firstId,
    };
    this.#reconnect();
  }

  /** Begins to wait for the outcome. */
  #startSettling(): void {
    this.#reportedAtMs = this.#changedAtMs = this.#nowMs;
    this.#set({ phase: "settling", silent: false });
  }

  /** Notes whether the server is silent, and gives up if it was silent for too long. */
  #checkSilence(): void {
    const { phase } = this.#state;
    if (this.#link === "asking") return;
    if (phase === "opening") this.#heardAtMs = Math.min(this.#heardAtMs, this.#nowMs);
    else if (phase !== "counting" && phase !== "recording" && phase !== "closing") return;
    const silentMs = this.#nowMs - this.#heardAtMs;
    this.#set({ silent: this.#link === "up" && silentMs >= SILENT_MS });
    const waitedMs = phase === "closing" && this.#take.closed ? this.#nowMs - this.#phaseSinceMs : 0;
    if (silentMs < LOST_MS && waitedMs < 1000 * this.#window.limits.max_wait_s + LOST_MS) return;
    // the server may have accepted the close; the capture's record has the outcome
    if (phase === "closing" && this.#take.closed) this.#startSettling();
    else this.#ended(captureFailure("server_silent"));
  }

  #waitForOutcome(): void {
    if (this.#state.phase !== "settling") return;
    if (this.#nowMs - this.#reportedAtMs >= UNREPORTED_MS) this.#lose();
    else if (this.#nowMs - this.#changedAtMs >= UNCHANGED_MS) this.fail(captureFailure("outcome_late"));
  }

  #notePicture(picture: Picture, nowMs: number): void {
    const { blackMs, stillMs } = this.#state;
    const sinceMs = this.#pictureAtMs === 0 ? 0 : nowMs - this.#pictureAtMs;
    this.#pictureAtMs = nowMs;
    this.#set({
      picture,
      blackMs: blackMs + (picture === "black" ? sinceMs : 0),
      stillMs: stillMs + (picture === "still" ? sinceMs : 0),
    });
  }

  #set(change: Partial<CaptureState>): void {
    this.#state = { ...this.#state, ...change };
  }
}

function parsed(text: string): CaptureAbort | CaptureProgress | null {
  try {
    return JSON.parse(text) as CaptureAbort | CaptureProgress;
  } catch {
    return null;
  }
}
