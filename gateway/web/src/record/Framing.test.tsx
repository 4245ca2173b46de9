import { act, render, screen, waitFor } from "@testing-library/react";
import { useRef } from "react";
import { beforeEach, expect, test, vi } from "vitest";

import { TokenProvider } from "../api/token";
import { RealtimeProvider } from "../live/RealtimeContext";
import { LAP } from "../test/body";
import { installLiveSockets } from "../test/liveSocket";
import { installCanvas, showing } from "../test/media";
import { FramingView, Outline } from "./FramingView";
import { useFraming } from "./useFraming";

const HAND = Array.from({ length: 21 }, () => [0.5, 0.5, 0]);
const result = (index: number, landmarks: object) => ({
  frame_index: index,
  result: { pipeline: "holistic", landmarks, detections: [], timing_ms: { decode: 1, inference: 30 } },
});

beforeEach(() => {
  installCanvas();
  vi.spyOn(HTMLMediaElement.prototype, "play").mockResolvedValue();
});

function Check({ on }: { readonly on: boolean }) {
  const video = useRef(showing(640, 480));
  const framing = useFraming(video, on);
  return (
    <>
      <FramingView {...framing} />
      <Outline ready={framing.ready} />
    </>
  );
}

const shown = (on: boolean) => (
  <TokenProvider>
    <RealtimeProvider>
      <Check on={on} />
    </RealtimeProvider>
  </TokenProvider>
);
const status = () => screen.getByRole("status");
const states = () => screen.getAllByRole("listitem").map(({ textContent }) => textContent);

test("each condition is told as the server sees it, and the outline changes when all is well", async () => {
  const sockets = installLiveSockets();
  const { rerender, container } = render(shown(true));
  expect(sockets.latest().url).toMatch(/pipeline_id=holistic$/);
  expect(states()).toEqual(["Facewait", "Shoulderswait", "Left handwait", "Right handwait", "Lightwait"]);
  sockets.latest().opens();
  await waitFor(() => expect(sockets.latest().sent).not.toHaveLength(0));
  sockets.latest().says(result(0, { ...LAP, left_hand: HAND }));
  expect(states()).toEqual(["Facenot yet", "Shouldersyes", "Left handyes", "Right handnot yet", "Lightyes"]);
  expect(status()).toHaveTextContent("Sit so that you fit into the outline.");
  expect(container.querySelector(".record-outline-ready")).toBeNull();
  sockets.latest().says(result(1, { ...LAP, face: [[0.5, 0.2]], left_hand: HAND, right_hand: HAND }));
  expect(status()).toHaveTextContent("All is well.");
  expect(container.querySelector(".record-outline-ready")).not.toBeNull();
  rerender(shown(false));
  expect(sockets.latest().closed).toBe(true);
});

test("if the server does not answer, the person may go on without the check", () => {
  const sockets = installLiveSockets();
  render(shown(true));
  act(() => sockets.latest().ends());
  expect(status()).toHaveTextContent("The check does not work now.");
  expect(screen.queryByRole("list")).toBeNull();
});

test("nothing is sent while it is off", () => {
  const sockets = installLiveSockets();
  render(shown(false));
  expect(sockets.all).toEqual([]);
});
