import type { Failure } from "../api/failure";
import type { CaptureAbort, CaptureProgress, ClientLimits, Found } from "../api/messages";
import type { JpegFrame } from "../camera/grab";
import type { Picture } from "../camera/PictureWatch";
import { captureFailure, closeFailure } from "./failures";
import { maxDurationMs, minDurationMs } from "./limits";
import { closeMessage, metaMessage, openMessage, type CaptureReport, type CaptureWindow } from "./messages";
import { adapt, FIRST_QUALITY, FULL_PACE, maxAheadFrames, MAX_BUFFERED_BYTES, nextQuality } from "./pace";

/**
 * opening → counting → recording → closing → settling → recorded; `failed` from anywhere.
 *
 * `closing`: the server puts the last frames away. `settling`: it finds the landmarks and writes the line.
 */
export type Phase = "opening" | "counting" | "recording" | "closing" | "settling" | "recorded" | "failed";

export interface CaptureState {
  readonly phase: Phase;
  /** The server's, for this capture. */
  readonly limits: ClientLimits;
  /** An extractor has the capture; recording does not begin before. */
  readonly claimed: boolean;
  /** Whole seconds until recording begins; 0 while only the extractor is waited for. */
  readonly countdownS: number;
  /** How long it has been recorded, or was. */
  readonly elapsedMs: number;
  readonly sent: number;
  readonly extracted: number;
  readonly backlog: number;
  readonly found: Found;
  /** How many ticks there are to a frame now; over 1 the server asked for fewer frames. */
  readonly ticksPerFrame: number;
  readonly hash: string | null;
  /** Why it `failed`. */
  readonly failure: Failure | null;
  /** What keeps the page from learning the outcome at the moment; it asks again. */
  readonly trouble: Failure | null;
  /** The server was not heard for some seconds: nothing is recorded at the moment. */
  readonly silent: boolean;
  /** What the camera shows now. */
  readonly picture: Picture;
  /** For how long it was black, or did not move. */
  readonly blackMs: number;
  readonly stillMs: number;
  /** Why it was stopped before the person did so; it is kept all the same. */
  readonly cut: Failure | null;
}

export type Message = string | ArrayBuffer;

export const COUNTDOWN_MS = 3000;
/** Between the extractor's coming and the first frame, for the person who has waited. */
const WARNING_MS = 1000;
const NO_PICTURE_MS = 3000;
/** The server says something every second; after so long without a word it is silent, */
export const SILENT_MS = 2500;
/** and after so long it has given up on the capture itself (`gateway_lost`, the idle timeout). */
export const LOST_MS = 15_000;
/** So long the outcome is waited for while nothing is heard of it, or while nothing changes. */
const UNREPORTED_MS = 60_000;
const UNCHANGED_MS = 300_000;
/** A page that was asleep saw no more of the time than this. */
const LONGEST_STEP_MS = 500;

const NOTHING: readonly Message[] = [];
const ENDED: ReadonlySet<Phase> = new Set(["recorded", "failed"]);

/** Whether it is over, well or not. */
export function isOver({ phase }: CaptureState): boolean {
  return ENDED.has(phase);
}

/** Whether leaving the page would lose it. */
export function isCapturing({ phase }: CaptureState): boolean {
  return phase === "opening" || phase === "counting" || phase === "recording" || phase === "closing";
}

/** Whether it can be stopped and kept. */
export function canStop({ phase, elapsedMs, sent, limits }: CaptureState): boolean {
  return phase === "recording" && elapsedMs >= minDurationMs(limits) && sent > 0;
}

/**
 * The client's side of one capture: what is sent when, and what follows from what comes. No socket, no timer, no clock.
 *
 * Each call has the time `nowMs` of a clock that never steps, the frame ticker's; what it returns is to be sent, in
 * order. Event time is `timestamp_start` plus what that clock shows since recording began; `timestamp_start` is the end
 * of the count-down, told at its beginning, so it is true unless an extractor had to be waited for.
 */
export class CaptureProtocol {
  #state: CaptureState;
  readonly #window: CaptureWindow;
  readonly #maxMs: number;
  #startsAtMs = Infinity;
  #timestampStartMs = 0;
  #recordingSinceMs = 0;
  #frameMs = -1;
  #lastSentTick = -Infinity;
  #accepted = 0;
  #bytes = 0;
  /** The server would take no further frame. */
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

  constructor(window: CaptureWindow) {
    this.#window = window;
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
      failure: null,
      trouble: null,
      silent: false,
      picture: "live",
      blackMs: 0,
      stillMs: 0,
      cut: null,
    };
  }

  get state(): CaptureState {
    return this.#state;
  }

  /** The quality that the next frame is to have. */
  get quality(): number {
    return this.#quality;
  }

  // --- the socket

  /** It is open. `wallMs` is the time of day, which is asked for this once. */
  connected(nowMs: number, wallMs: number): readonly Message[] {
    if (this.#state.phase !== "opening") return NOTHING;
    this.#heardAtMs = this.#nowMs = nowMs;
    this.#startsAtMs = nowMs + COUNTDOWN_MS;
    this.#timestampStartMs = Math.round(wallMs) + COUNTDOWN_MS;
    this.#set({ phase: "counting" });
    return [JSON.stringify(openMessage(this.#window, this.#timestampStartMs))];
  }

  /** A text message came. */
  received(text: string, nowMs: number): void {
    this.#heardAtMs = nowMs;
    if (this.#state.silent) this.#set({ silent: false });
    const message = parsed(text);
    if (message?.event === "capture.abort") this.fail(captureFailure(message.error_code));
    if (message?.event !== "capture.progress") return;
    this.#accepted = message.accepted;
    this.#slowDown = message.slow_down;
    const claimed = message.status === "extracting";
    if (claimed && !this.#state.claimed) this.#startsAtMs = Math.max(this.#startsAtMs, nowMs + WARNING_MS);
    const { extracted, backlog, found } = message;
    this.#set({ claimed: claimed || this.#state.claimed, extracted, backlog, found });
  }

  /** It is closed, by whomever. */
  disconnected(closeCode: number, reason: string): void {
    const { phase } = this.#state;
    if (phase === "closing" && !reason) {
      // A close whose answer was lost may have been heard; the record knows.
      this.#settle();
    } else if (phase !== "settling") {
      this.fail(closeFailure(closeCode, reason, phase !== "opening"));
    }
  }

  // --- time

  /** Time passes: the count-down ends, the capture is long enough. Called a few times a second. */
  tick(nowMs: number): readonly Message[] {
    const stepMs = Math.min(LONGEST_STEP_MS, nowMs - this.#nowMs);
    this.#nowMs = nowMs;
    this.#listen();
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
    this.#set({ ticksPerFrame: this.#pace.ticksPerFrame, ...(silent ? {} : { elapsedMs }) });
    this.#picturelessMs += stepMs;
    if (this.#picturelessMs >= NO_PICTURE_MS) return this.interrupt(captureFailure("no_picture"), nowMs);
    return elapsedMs >= this.#maxMs || this.#full ? this.stop(nowMs) : NOTHING;
  }

  /** Whether tick number `index` is to have a frame; one that is not wanted is never numbered, so nothing queues. */
  wantsFrame(index: number, bufferedBytes: number): boolean {
    const { phase, sent } = this.#state;
    if (phase !== "recording" || index - this.#lastSentTick < this.#pace.ticksPerFrame) return false;
    const room = bufferedBytes <= MAX_BUFFERED_BYTES && sent - this.#accepted < maxAheadFrames(this.#window.limits);
    if (!room) this.#picturelessMs = 0; // the camera is not what is waited for
    return room;
  }

  /** The frame of tick `index`, which was taken at `nowMs`; null if there was none. `picture` is what it shows. */
  frame(jpeg: JpegFrame | null, index: number, nowMs: number, picture: Picture = "live"): readonly Message[] {
    if (this.#state.phase !== "recording" || !jpeg) return NOTHING;
    this.#see(picture, nowMs);
    const { byteLength } = jpeg.bytes;
    const { limits } = this.#window;
    this.#quality = nextQuality(this.#quality, byteLength, limits);
    const elapsedMs = Math.round(nowMs - this.#recordingSinceMs);
    this.#full ||= this.#state.sent >= limits.max_frames || this.#bytes + byteLength > limits.max_total_bytes;
    if (this.#full || byteLength > limits.max_frame_bytes || elapsedMs > this.#maxMs) return NOTHING;
    this.#bytes += byteLength;
    this.#picturelessMs = 0;
    this.#frameMs = Math.max(this.#frameMs + 1, elapsedMs);
    this.#lastSentTick = index;
    this.#set({ sent: this.#state.sent + 1 });
    const meta = metaMessage(this.#window, this.#state.sent, this.#timestampStartMs + this.#frameMs, byteLength);
    return [JSON.stringify(meta), jpeg.bytes];
  }

  // --- the person

  /** Stops and keeps it; before the shortest time that the server keeps it does nothing. */
  stop(nowMs: number): readonly Message[] {
    if (this.#state.phase === "recording") {
      const elapsedMs = Math.min(nowMs - this.#recordingSinceMs, this.#maxMs);
      this.#set({ elapsedMs });
    }
    if (!canStop(this.#state)) return NOTHING;
    const endMs = Math.max(this.#frameMs, Math.round(this.#state.elapsedMs));
    this.#set({ phase: "closing" });
    this.#phaseSinceMs = nowMs;
    return [JSON.stringify(closeMessage(this.#window, this.#timestampStartMs + endMs))];
  }

  /** It ends here, for this reason. What is over stays as it is. */
  fail(failure: Failure): void {
    if (!isOver(this.#state)) this.#set({ phase: "failed", failure, trouble: null, silent: false });
  }

  /** It cannot go on, for this reason: what was recorded until now is kept if it is long enough. */
  interrupt(why: Failure, nowMs: number): readonly Message[] {
    const messages = this.stop(nowMs);
    if (this.#state.phase === "closing") this.#set({ cut: this.#state.cut ?? why });
    else this.fail(why);
    return messages;
  }

  // --- the outcome

  /** What the server says of it, while `settling`. */
  reported(report: CaptureReport): void {
    if (this.#state.phase !== "settling") return;
    const { extracted, found } = report;
    this.#reportedAtMs = this.#nowMs;
    if (extracted !== this.#state.extracted) this.#changedAtMs = this.#nowMs;
    this.#set({ extracted, found, backlog: Math.max(0, report.accepted - extracted), trouble: null });
    if (report.status === "aborted") this.fail(captureFailure(report.error_code ?? "internal_error"));
    if (report.status === "recorded") this.#set({ phase: "recorded", hash: report.raw_features_ref?.hash ?? null });
  }

  /** The server did not say; it is asked again, unless it does not know the capture. */
  unreported(failure: Failure): void {
    if (failure.code === "unknown_capture") this.fail(captureFailure("socket_lost"));
    else if (this.#state.phase === "settling") this.#set({ trouble: failure });
  }

  /** The outcome is asked for from now on. */
  #settle(): void {
    this.#reportedAtMs = this.#changedAtMs = this.#nowMs;
    this.#set({ phase: "settling", silent: false });
  }

  /** What follows from the server's silence. */
  #listen(): void {
    const { phase } = this.#state;
    if (phase === "opening") this.#heardAtMs = Math.min(this.#heardAtMs, this.#nowMs);
    else if (phase !== "counting" && phase !== "recording" && phase !== "closing") return;
    const silentMs = this.#nowMs - this.#heardAtMs;
    this.#set({ silent: silentMs >= SILENT_MS });
    const waitedMs = phase === "closing" ? this.#nowMs - this.#phaseSinceMs : 0;
    if (silentMs < LOST_MS && waitedMs < 1000 * this.#window.limits.max_wait_s + LOST_MS) return;
    // The server may have heard the close; the record knows.
    if (phase === "closing") this.#settle();
    else this.fail(captureFailure("server_silent"));
  }

  #waitForOutcome(): void {
    if (this.#state.phase !== "settling") return;
    const unknown =
      this.#nowMs - this.#reportedAtMs >= UNREPORTED_MS || this.#nowMs - this.#changedAtMs >= UNCHANGED_MS;
    if (unknown) this.fail(captureFailure("outcome_late"));
  }

  #see(picture: Picture, nowMs: number): void {
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
