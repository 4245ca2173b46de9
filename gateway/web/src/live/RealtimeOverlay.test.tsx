import { act, render, screen, waitFor } from "@testing-library/react";
import { beforeEach, describe, expect, test, vi } from "vitest";

import { TokenProvider } from "../api/token";
import { installDrawing } from "../test/drawing";
import { dropped, faceResult, installLiveSockets, installResizes } from "../test/liveSocket";
import { showing } from "../test/media";
import { RealtimeProvider } from "./RealtimeContext";
import { RealtimeOverlay } from "./RealtimeOverlay";
import { useRealtime } from "./useRealtime";

const overlay = () => screen.getByRole<HTMLCanvasElement>("img", { name: "Landmarks over the picture" });
let resizes: (() => void)[] = [];

function Connected() {
  const { connect, sendFrame } = useRealtime();
  return (
    <>
      <button type="button" onClick={() => connect("face")}>
        connect
      </button>
      <button type="button" onClick={() => sendFrame(new Uint8Array([0xff, 0xd8]))}>
        send
      </button>
    </>
  );
}

/** Every JPEG is decoded into a picture of this size. */
function decodes(width: number, height: number) {
  const picture = { width, height, close: vi.fn<() => void>() };
  vi.stubGlobal(
    "createImageBitmap",
    vi.fn<() => Promise<unknown>>(() => Promise.resolve(picture)),
  );
  return picture;
}

/** An overlay of 320 × 240 over a picture of that shape, connected. */
function shown({ pixelRatio = 1, mirrored = true, video = showing(640, 480) } = {}) {
  vi.stubGlobal("devicePixelRatio", pixelRatio);
  const sockets = installLiveSockets();
  const drawing = installDrawing();
  render(
    <TokenProvider>
      <RealtimeProvider>
        <Connected />
        <RealtimeOverlay video={{ current: video }} mirrored={mirrored} />
      </RealtimeProvider>
    </TokenProvider>,
  );
  act(() => screen.getByRole("button", { name: "connect" }).click());
  sockets.latest().opens();
  return { server: sockets.latest(), ...drawing };
}

describe("RealtimeOverlay", () => {
  beforeEach(() => {
    resizes = installResizes();
  });

  test("shows results of the context", () => {
    const { server, texts } = shown();
    expect(texts()).toEqual([]);
    server.says(faceResult(3));
    expect(overlay()).toHaveAttribute("data-frame", "3");
    expect(texts()).toEqual(["Face 97 %", "Frame 3"]);
  });

  test("draws boxes, labels with confidences, and the frame's index", () => {
    const { server, texts, drawn } = shown();
    server.says(faceResult(8));
    expect(drawn.map(([name]) => name)).toContain("rect");
    expect(texts()).toEqual(["Face 97 %", "Frame 8"]);
  });

  test("a dropped frame leaves it as it is", () => {
    const { server, drawn } = shown();
    server.says(faceResult(3));
    const before = drawn.length;
    server.says(dropped(4));
    server.says({ warning: "slow_down" });
    expect(drawn).toHaveLength(before);
    expect(overlay()).toHaveAttribute("data-frame", "3");
  });

  test("a connection that ended leaves nothing on the picture", () => {
    const { server, drawn, texts } = shown();
    server.says(faceResult(3));
    const before = texts().length;
    server.ends();
    expect(drawn.at(-1)?.[0]).toBe("clearRect");
    expect(texts()).toHaveLength(before);
    expect(overlay()).not.toHaveAttribute("data-frame");
  });

  test.each([1, 2, 2.625])("has a pixel for each of the screen's, at a ratio of %s", (pixelRatio) => {
    const { server, drawn } = shown({ pixelRatio });
    server.says(faceResult(0));
    expect(overlay().width).toBe(Math.round(320 * pixelRatio));
    expect(overlay().height).toBe(Math.round(240 * pixelRatio));
    expect(drawn).toContainEqual(["setTransform", pixelRatio, 0, 0, pixelRatio, 0, 0]);
  });

  test("is drawn again when its size changes", () => {
    const { server, texts } = shown();
    server.says(faceResult(0));
    const before = texts().length;
    vi.spyOn(HTMLCanvasElement.prototype, "clientWidth", "get").mockReturnValue(640);
    vi.spyOn(HTMLCanvasElement.prototype, "clientHeight", "get").mockReturnValue(480);
    act(() => resizes.at(-1)?.());
    expect(overlay().width).toBe(640);
    expect(texts()).toHaveLength(2 * before);
  });

  test("is drawn again when the device is turned", () => {
    const video = showing(640, 480);
    const { server, drawn } = shown({ video });
    server.says(faceResult(0));
    const boxes = () => drawn.filter(([name]) => name === "rect").map(([, left]) => Math.round(left as number));
    expect(boxes()).toEqual([192]); // mirrored: from 0.6 of 320
    showing(480, 640, video);
    act(() => void video.dispatchEvent(new Event("resize")));
    expect(boxes()).toEqual([192, 178]); // the picture is 180 wide now, from 70 on
  });

  test.each([true, false])(
    "draws the very picture that was sent under its landmarks (mirrored: %s)",
    async (mirrored) => {
      const picture = decodes(640, 480);
      const { server, drawn, texts } = shown({ mirrored, video: showing(480, 640) }); // the device was turned since
      act(() => screen.getByRole("button", { name: "send" }).click());
      server.says(faceResult(0));
      await waitFor(() => expect(texts()).toEqual(["Face 97 %", "Frame 0"]));
      const at = drawn.findIndex(([name]) => name === "drawImage");
      expect(drawn[at]).toEqual(["drawImage", picture, 0, 0, 320, 240]); // the picture's shape, not the camera's
      expect(drawn[at - 1]).toEqual(["setTransform", mirrored ? -1 : 1, 0, 0, 1, mirrored ? 320 : 0, 0]);
      const left = drawn.filter(([name]) => name === "rect").map(([, x]) => Math.round(x as number));
      expect(left).toEqual([mirrored ? 192 : 64]);
    },
  );

  test("a size that is told before the picture is decoded draws no landmarks without it", async () => {
    decodes(640, 480);
    const { server, texts } = shown();
    act(() => screen.getByRole("button", { name: "send" }).click());
    server.says(faceResult(0));
    act(() => resizes.at(-1)?.()); // as browsers do as soon as an element is observed
    expect(texts()).toEqual([]);
    await waitFor(() => expect(texts()).toEqual(["Face 97 %", "Frame 0"]));
  });

  test("lets go of a picture when there is another one, and when it is not shown any more", async () => {
    const picture = decodes(640, 480);
    const { server, texts } = shown();
    for (const index of [0, 1]) {
      act(() => screen.getByRole("button", { name: "send" }).click());
      server.says(faceResult(index));
      await waitFor(() => expect(texts()).toContain(`Frame ${index}`));
    }
    expect(picture.close).toHaveBeenCalledTimes(1);
    server.ends();
    expect(picture.close).toHaveBeenCalledTimes(2);
  });

  test("a picture that is decoded after the next result is let go, and not drawn", async () => {
    const pictures = [0, 1].map(() => ({ width: 640, height: 480, close: vi.fn<() => void>() }));
    const decode: ((picture: unknown) => void)[] = [];
    vi.stubGlobal(
      "createImageBitmap",
      vi.fn<() => Promise<unknown>>(() => new Promise((done) => decode.push(done))),
    );
    const { server, drawn, texts } = shown();
    for (const index of [0, 1]) {
      act(() => screen.getByRole("button", { name: "send" }).click());
      server.says(faceResult(index));
    }
    decode[1]?.(pictures[1]);
    await waitFor(() => expect(texts()).toEqual(["Face 97 %", "Frame 1"]));
    decode[0]?.(pictures[0]);
    await waitFor(() => expect(pictures[0]?.close).toHaveBeenCalledOnce());
    expect(pictures[1]?.close).not.toHaveBeenCalled();
    expect(drawn.filter(([name]) => name === "drawImage").map(([, picture]) => picture)).toEqual([pictures[1]]);
    expect(overlay()).toHaveAttribute("data-frame", "1");
  });

  test("a browser that gives no surface to draw on still shows the page, and which result it has", async () => {
    decodes(640, 480);
    const { server, drawn } = shown();
    vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(null);
    act(() => screen.getByRole("button", { name: "send" }).click());
    drawn.length = 0;
    server.says(faceResult(0));
    await waitFor(() => expect(overlay()).toHaveAttribute("data-frame", "0"));
    expect(drawn).toEqual([]);
  });

  test("a picture that cannot be decoded leaves the landmarks over the camera", async () => {
    vi.stubGlobal(
      "createImageBitmap",
      vi.fn<() => Promise<unknown>>(() => Promise.reject(new DOMException("no"))),
    );
    const { server, drawn, texts } = shown();
    act(() => screen.getByRole("button", { name: "send" }).click());
    server.says(faceResult(0));
    await waitFor(() => expect(texts()).toEqual(["Face 97 %", "Frame 0"]));
    expect(drawn.map(([name]) => name)).not.toContain("drawImage");
  });

  test("can be not mirrored", () => {
    const { server, drawn } = shown({ mirrored: false });
    server.says(faceResult(0));
    expect(drawn.filter(([name]) => name === "rect").map(([, left]) => Math.round(left as number))).toEqual([64]);
  });
});
