import { act, fireEvent, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { useVisibleBand } from "./useVisibleRange";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** A list in a window, and a function that scrolls it to a height within one frame. */
function list() {
  const element = document.createElement("div");
  const reference = { current: element };
  const hook = renderHook(() => useVisibleBand(reference));
  const scrollTo = (px: number) =>
    act(() => {
      vi.spyOn(element, "getBoundingClientRect").mockReturnValue({ top: -px } as DOMRect);
      fireEvent.scroll(window);
      vi.advanceTimersToNextFrame();
    });
  return { band: () => hook.result.current, scrollTo, unmount: hook.unmount };
}

test("a screen above and below is in the band, which changes in steps", () => {
  const { band, scrollTo } = list();
  scrollTo(5000);
  const { top, bottom } = band();
  expect(top).toBeLessThanOrEqual(5000 - window.innerHeight);
  expect(bottom).toBeGreaterThanOrEqual(5000 + 2 * window.innerHeight);
  const before = band();
  scrollTo(5010);
  expect(band()).toBe(before);
});

test("a page flies after two long steps in a row, until it rests or is slower", () => {
  const { band, scrollTo } = list();
  scrollTo(400);
  expect(band().flying).toBe(false); // one step may be a jump
  scrollTo(800);
  expect(band().flying).toBe(true);
  scrollTo(1200);
  expect(band().flying).toBe(true);
  act(() => vi.advanceTimersByTime(200));
  expect(band().flying).toBe(false);
  scrollTo(1600);
  scrollTo(2000);
  expect(band().flying).toBe(true);
  scrollTo(2060);
  expect(band().flying).toBe(false);
});

test("a list that is gone hears of nothing", () => {
  const { scrollTo, unmount } = list();
  scrollTo(400);
  scrollTo(800);
  unmount();
  expect(vi.getTimerCount()).toBe(0);
});
