import { act, render, screen } from "@testing-library/react";
import { describe, expect, test } from "vitest";

import type { PipelineInfo } from "../api/messages";
import { TokenProvider } from "../api/token";
import { dropped, faceResult, installLiveSockets, PIPELINES } from "../test/liveSocket";
import { PartsSeen } from "./PartsSeen";
import { RealtimeProvider } from "./RealtimeContext";
import { useRealtime } from "./useRealtime";

const [HOLISTIC, FACE] = PIPELINES as [PipelineInfo, PipelineInfo];
const list = () => screen.queryByRole("list", { name: "Found in the picture" });
const lines = () => screen.getAllByRole("listitem").map(({ textContent }) => textContent);

function Connect() {
  const { connect } = useRealtime();
  return (
    <button type="button" onClick={() => connect("holistic")}>
      connect
    </button>
  );
}

function connected({ parts }: PipelineInfo) {
  const sockets = installLiveSockets();
  render(
    <TokenProvider>
      <RealtimeProvider>
        <Connect />
        <PartsSeen parts={parts} />
      </RealtimeProvider>
    </TokenProvider>,
  );
  act(() => screen.getByRole("button", { name: "connect" }).click());
  sockets.latest().opens();
  return sockets.latest();
}

describe("PartsSeen", () => {
  test("says nothing before the first result, and after the connection", () => {
    const server = connected(HOLISTIC);
    expect(list()).toBeNull();
    server.says(dropped(0));
    expect(list()).toBeNull();
    server.says(faceResult(1));
    expect(list()).toBeVisible();
    server.ends();
    expect(list()).toBeNull();
  });

  test("says of each part of the pipeline whether it was found in the last result", () => {
    const server = connected(HOLISTIC);
    server.says(faceResult(0));
    expect(lines()).toEqual(["Body: not found", "Left hand: not found", "Right hand: not found", "Face: found"]);
    server.says(faceResult(1, { landmarks: { left_hand: [[0.5, 0.5, 0]] } }));
    expect(lines()).toEqual(["Body: not found", "Left hand: found", "Right hand: not found", "Face: not found"]);
  });

  test("says nothing of parts that the pipeline does not look for", () => {
    connected(FACE).says(faceResult(0, { landmarks: {} }));
    expect(lines()).toEqual(["Face: not found"]);
  });
});
