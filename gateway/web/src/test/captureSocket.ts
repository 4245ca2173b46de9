import { vi } from "vitest";

import type { CaptureProgress } from "../api/messages";

/** A fake capture socket: it records what the page sends, and its methods act as the server. */
export class FakeCaptureSocket extends EventTarget {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSED = 3;
  /** The last socket that the page created; undefined before the first. */
  static last: FakeCaptureSocket | undefined;

  #beat: ReturnType<typeof setInterval> | undefined;
  readonly sent: (string | ArrayBuffer)[] = [];
  readonly url: string;
  readonly protocols: string[];
  readyState = FakeCaptureSocket.CONNECTING;
  bufferedAmount = 0;
  binaryType = "blob";
  closedWith: number | undefined;

  constructor(url: string, protocols: string[] = []) {
    super();
    this.url = url;
    this.protocols = protocols;
    FakeCaptureSocket.last = this;
  }

  /** Replaces `WebSocket`. */
  static install(): void {
    FakeCaptureSocket.last = undefined;
    vi.stubGlobal("WebSocket", FakeCaptureSocket);
  }

  send(message: string | ArrayBuffer): void {
    this.sent.push(message);
  }

  close(code: number): void {
    this.freeze();
    this.closedWith = code;
    this.readyState = FakeCaptureSocket.CLOSED;
  }

  /** The JSON messages that were sent. */
  get messages(): { readonly event: string; readonly [name: string]: unknown }[] {
    return this.sent.filter((message) => typeof message === "string").map((message) => JSON.parse(message));
  }

  // actions of the server

  accept(): void {
    this.readyState = FakeCaptureSocket.OPEN;
    this.dispatchEvent(new Event("open"));
  }

  say(message: object): void {
    this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(message) }));
  }

  /** Sends the same message every second, as the server does. */
  progress(change: Partial<CaptureProgress> = {}): void {
    this.freeze();
    this.#beat = setInterval(() => this.say(message), 1000);
    const message = {
      event: "capture.progress",
      capture_id: "capture",
      status: "extracting",
      accepted: 0,
      extracted: 0,
      backlog: 0,
      slow_down: false,
      found: { pose: 0, left_hand: 0, right_hand: 0, face: 0 },
      ...change,
    };
    this.say(message);
  }

  /** Stops sending, and does not close. */
  freeze(): void {
    clearInterval(this.#beat);
  }

  end(code: number, reason = ""): void {
    this.freeze();
    this.readyState = FakeCaptureSocket.CLOSED;
    this.dispatchEvent(new CloseEvent("close", { code, reason }));
  }
}
