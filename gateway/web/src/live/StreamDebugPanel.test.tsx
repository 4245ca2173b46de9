import { act, screen, within } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { expectAccessible } from "../test/axe";
import { dropped, faceResult, installLiveSockets, SLOW_DOWN } from "../test/liveSocket";
import { renderPage } from "../test/page";
import { RealtimeProvider } from "./RealtimeContext";
import { StreamDebugPanel } from "./StreamDebugPanel";
import { useRealtime } from "./useRealtime";

function Stage() {
  const { connect, sendFrame } = useRealtime();
  return (
    <main>
      <h1>Stage</h1>
      <button type="button" onClick={() => connect("face")}>
        connect
      </button>
      <button type="button" onClick={() => sendFrame(new Uint8Array(4))}>
        send
      </button>
      <StreamDebugPanel />
    </main>
  );
}

const press = (name: string) => act(() => screen.getByRole("button", { name }).click());

function value(name: string): string | null {
  const term = within(screen.getByRole("region", { name: "Numbers of the stream" })).getByText(name);
  return term.nextElementSibling?.textContent ?? null;
}

function connected() {
  const sockets = installLiveSockets();
  renderPage(
    <RealtimeProvider>
      <Stage />
    </RealtimeProvider>,
  );
  press("connect");
  sockets.latest().opens();
  press("Show the numbers");
  return sockets.latest();
}

/** The numbers are read twice a second. */
const refreshed = () => act(() => void vi.advanceTimersByTime(500));

describe("StreamDebugPanel", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("can be shown and hidden, and says which", () => {
    connected();
    const button = screen.getByRole("button", { name: "Hide the numbers" });
    expect(button).toHaveAttribute("aria-expanded", "true");
    expect(screen.getByText("Connection")).toBeVisible();
    press("Hide the numbers");
    expect(screen.queryByText("Connection")).toBeNull();
    expect(screen.getByRole("button", { name: "Show the numbers" })).toHaveAttribute("aria-expanded", "false");
  });

  test("shows the connection's status", () => {
    const server = connected();
    expect(value("Connection")).toBe("connected");
    server.ends();
    expect(value("Connection")).toBe("disconnected");
  });

  test("shows the current FPS, and what it may be", () => {
    const server = connected();
    for (let index = 0; index < 4; index += 1) {
      press("send");
      server.says(faceResult(index));
    }
    refreshed();
    expect(value("Current FPS, sent")).toBe("2.0 of 15");
    expect(value("Current FPS, answered")).toBe("2.0");
    server.says(SLOW_DOWN);
    refreshed();
    expect(value("Current FPS, sent")).toBe("2.0 of 10");
  });

  test("shows the rate of dropped frames, and how many there were", () => {
    const server = connected();
    server.says(faceResult(0));
    server.says(dropped(1));
    server.says(dropped(2));
    server.says(dropped(3));
    refreshed();
    expect(value("Drop rate, last 60 frames")).toBe("75 %");
    expect(value("Dropped frames")).toBe("3");
  });

  test("counts slow-down warnings", () => {
    const server = connected();
    expect(value("Slow-down warnings")).toBe("0");
    server.says(SLOW_DOWN);
    expect(value("Slow-down warnings")).toBe("1");
  });

  test("shows round trips, p50 and p95, with a plot", () => {
    const server = connected();
    expect(value("Round trip, p50")).toBe("none yet");
    for (let index = 0; index < 3; index += 1) {
      press("send");
      act(() => void vi.advanceTimersByTime([80, 120, 400][index] ?? 0));
      server.says(faceResult(index));
    }
    refreshed();
    expect(value("Round trip, p50")).toBe("120 ms");
    expect(value("Round trip, p95")).toBe("400 ms");
    expect(value("Of that, the model")).toBe("30 ms");
    const plot = screen.getByRole("img", { name: "Round trips of the last frames" });
    expect(plot.querySelector("polyline")?.getAttribute("points")?.split(" ")).toHaveLength(3);
  });

  test("is accessible", async () => {
    connected();
    vi.useRealTimers();
    await expect(expectAccessible()).resolves.toBeUndefined();
  });
});
