import { act } from "@testing-library/react";
import { vi } from "vitest";

import type { PipelineInfo, PipelineResult } from "../api/messages";

/** Takes the place of `WebSocket`: the test is the server at its other end. */
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

  /** The server takes the connection. */
  opens(): void {
    act(() => void this.dispatchEvent(new Event("open")));
  }

  /** The server says something. */
  says(message: unknown): void {
    act(() => void this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(message) })));
  }

  /** The connection ends from the other side. */
  ends(code = 1006): void {
    act(() => void this.dispatchEvent(new CloseEvent("close", { code })));
  }
}

/** Every WebSocket is a fake one from now on; `latest` is the last that was made. */
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

/** A result with a face in it, and whatever else. */
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

/** jsdom lays nothing out, so nothing is ever resized; the callbacks are the test's to call. */
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
