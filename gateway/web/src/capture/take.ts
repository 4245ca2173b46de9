import constants from "../api/constants.json";
import type { ClientLimits } from "../api/messages";
import { closeMessage, metaMessage, type CaptureWindow } from "./messages";

/** A text message, or the bytes of a JPEG. */
export type Message = string | ArrayBuffer;

interface Frame {
  readonly timeMs: number;
  readonly bytes: ArrayBuffer;
}

/**
 * The frames of one take, in the page's memory only, until the take is recorded.
 *
 * The server's limits bound them: 1,815 frames and 135 MB by default. They can be sent more than once, with the same
 * times: for each attempt, call `rewind`, then `messages` as long as there is room.
 */
export class Take {
  readonly #limits: ClientLimits;
  #frames: Frame[] = [];
  #bytes = 0;
  #sent = 0;
  #endMs: number | null = null;
  #closed = false;

  constructor(limits: ClientLimits) {
    this.#limits = limits;
  }

  /** How many frames it has. */
  get length(): number {
    return this.#frames.length;
  }

  /** How many of them were sent in this attempt. */
  get sent(): number {
    return this.#sent;
  }

  /** Whether the close was sent in this attempt. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Whether one more frame of this length is within the limits. */
  fits(byteLength: number): boolean {
    const { max_frames, max_total_bytes } = this.#limits;
    return this.length < max_frames && this.#bytes + byteLength <= max_total_bytes;
  }

  add(timeMs: number, bytes: ArrayBuffer): void {
    this.#frames.push({ timeMs, bytes });
    this.#bytes += bytes.byteLength;
  }

  /** No frame follows; `endMs` is the time of the end. */
  end(endMs: number): void {
    this.#endMs ??= endMs;
  }

  /** The messages of the next `frames` frames, `bytes` bytes at most; behind the last frame of a take that has ended, its close. */
  messages(window: CaptureWindow, frames: number, bytes: number): readonly Message[] {
    const messages: Message[] = [];
    let room = bytes;
    for (const frame of this.#frames.slice(this.#sent, this.#sent + frames)) {
      if (room < 0) break;
      this.#sent += 1;
      room -= frame.bytes.byteLength;
      messages.push(JSON.stringify(metaMessage(window, this.#sent, frame.timeMs, frame.bytes.byteLength)), frame.bytes);
    }
    if (this.#endMs !== null && !this.#closed && this.#sent === this.length) {
      this.#closed = true;
      messages.push(JSON.stringify(closeMessage(window, this.#endMs)));
    }
    return messages;
  }

  /** Begins another attempt. */
  rewind(): void {
    this.#sent = 0;
    this.#closed = false;
  }

  /** Frees the memory of a take that is recorded, or not kept. */
  forget(): void {
    this.#frames = [];
    this.#sent = 0;
  }
}

/** Codes of the page itself for a lost connection. */
const LOST: ReadonlySet<string> = new Set(["socket_lost", "socket_refused", "server_full", "server_silent"]);

/** The code of a token that is no longer valid. The page's next request asks for another one, with which the take goes on. */
const SIGNED_OUT = "access_ended";

/**
 * Whether a take may be sent again after an attempt that ended with this code. A `protocol_violation` is among them: a
 * server that gets no frame for 5 s, because the network is slow, ends a capture with this code.
 */
export function maySendAgain(code: string): boolean {
  return constants.retry_codes.includes(code) || code === "protocol_violation" || code === SIGNED_OUT || LOST.has(code);
}
