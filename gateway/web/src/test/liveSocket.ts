import { act } from "@testing-library/react";
import { vi } from "vitest";

import type { PipelineInfo, PipelineResult } from "../api/messages";

/** Replaces `WebSocket`; the test acts as the server. */
export class FakeLiveSocket extends EventTarget {
  static readonly all: FakeLiveSocket[] = [];

  readonly sent: unknown[] = [];
  bufferedAmount = 0;
  closed = false;

  constructor(
    readonly url: string,
    readonly protocols: string | string[] = [],
  ) {
    super();
    FakeLiveSocket.all.push(this);
  }

  send(data: unknown): void {
    this.sent.push(data);
  }

  close(): void {
    this.closed = true;
  }

  /** The server accepts the connection. */
  opens(): void {
    act(() => void this.dispatchEvent(new Event("open")));
  }

  /** The server sends a message. */
  says(message: unknown): void {
    act(() => void this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(message) })));
  }

  /** The server closes the connection. */
  ends(code = 1006): void {
    act(() => void this.dispatchEvent(new CloseEvent("close", { code })));
  }
}

/** Replaces `WebSocket` by the fake; `latest` returns the last one that the page created. */
export function installLiveSockets(): { readonly all: readonly FakeLiveSocket[]; latest: () => FakeLiveSocket } {
  FakeLiveSocket.all.length = 0;
  vi.stubGlobal("WebSocket", FakeLiveSocket);
  return {
    all: FakeLiveSocket.all,
    latest: () => {
      const socket = FakeLiveSocket.all.at(-1);
      if (!socket) throw new Error("there is no connection");
      return socket;
    },
  };
}

export const PIPELINES: readonly PipelineInfo[] = [
  { pipeline_id: "holistic", title: "Whole body", parts: ["pose", "left_hand", "right_hand", "face"] },
  { pipeline_id: "face", title: "Face", parts: ["face"] },
];

/** A result with a face, and with the given fields. */
export function faceResult(index: number, over: Partial<PipelineResult> = {}) {
  return {
    frame_index: index,
    result: {
      pipeline: "face",
      landmarks: { face: Array.from({ length: 468 }, (_, at) => [0.2 + (at % 20) / 100, 0.4, 0]) },
      detections: [{ label: "face", confidence: 0.97, box: [0.2, 0.3, 0.4, 0.6] }],
      timing_ms: { decode: 1, inference: 30 },
      ...over,
    },
  };
}

export const dropped = (index: number) => ({ frame_index: index, dropped: true });
export const SLOW_DOWN = { warning: "slow_down" };

/** jsdom has no layout and never resizes an element, so the test calls the observers' callbacks itself. */
export function installResizes(): (() => void)[] {
  const callbacks: (() => void)[] = [];
  vi.stubGlobal(
    "ResizeObserver",
    class {
      constructor(callback: () => void) {
        callbacks.push(callback);
      }
      observe(): void {}
      disconnect(): void {}
    },
  );
  return callbacks;
}
