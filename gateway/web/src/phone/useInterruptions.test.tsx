import { act, renderHook } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";

import type { Failure } from "../api/failure";
import { handheld, setHidden, showing } from "../test/media";
import { useInterruptions } from "./useInterruptions";

function watched(video: HTMLVideoElement | null = showing(640, 480), running = true) {
  const interrupt = vi.fn<(why: Failure) => void>();
  const hook = renderHook(({ on }: { on: boolean }) => useInterruptions({ current: video }, on, interrupt), {
    initialProps: { on: running },
  });
  return { ...hook, video, codes: () => interrupt.mock.calls.map(([{ code }]) => code) };
}

const pagehide = (persisted: boolean) => Object.assign(new Event("pagehide"), { persisted });

afterEach(() => setHidden(false));

test("a phone's page in the background ends the capture, a computer's does not", () => {
  const computer = watched();
  act(() => setHidden(true));
  expect(computer.codes()).toEqual([]);
  computer.unmount();
  act(() => setHidden(false));
  handheld(true);
  const phone = watched(null);
  act(() => setHidden(true));
  expect(phone.codes()).toEqual(["page_hidden"]);
});

test("a page that the browser stops or sets aside ends the capture", () => {
  const { codes } = watched();
  document.dispatchEvent(new Event("freeze"));
  window.dispatchEvent(pagehide(true));
  expect(codes()).toEqual(["page_hidden", "page_hidden"]);
});

test("a page that the person leaves keeps nothing, though browsers hide it then", () => {
  handheld(true);
  const { codes } = watched();
  window.dispatchEvent(pagehide(false));
  act(() => setHidden(true));
  expect(codes()).toEqual([]);
});

test("a device that is turned ends the capture, a picture of another size does not", () => {
  const { video, codes } = watched();
  showing(1280, 960, video as HTMLVideoElement).dispatchEvent(new Event("resize"));
  expect(codes()).toEqual([]);
  showing(480, 640, video as HTMLVideoElement).dispatchEvent(new Event("resize"));
  expect(codes()).toEqual(["picture_turned"]);
});

test("nothing happens without a capture, or after it", () => {
  handheld(true);
  const { rerender, codes } = watched(showing(640, 480), false);
  act(() => setHidden(true));
  rerender({ on: true });
  rerender({ on: false });
  document.dispatchEvent(new Event("freeze"));
  expect(codes()).toEqual([]);
});
