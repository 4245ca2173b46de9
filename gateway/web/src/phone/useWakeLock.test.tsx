import { act, renderHook } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";

import { setHidden } from "../test/media";
import { useWakeLock } from "./useWakeLock";

function browserWith(wakeLock: unknown): void {
  Object.defineProperty(navigator, "wakeLock", { configurable: true, value: wakeLock });
}

function locks() {
  const release = vi.fn<() => Promise<void>>(() => Promise.resolve());
  const request = vi.fn<(kind: string) => Promise<unknown>>(() => Promise.resolve({ release }));
  browserWith({ request });
  return { request, release };
}

const rendered = (active: boolean) =>
  renderHook(({ on }: { on: boolean }) => useWakeLock(on), { initialProps: { on: active } });

afterEach(() => {
  browserWith(undefined);
  setHidden(false);
});

test("the screen stays awake while it matters, and no longer", async () => {
  const { request, release } = locks();
  const { rerender } = rendered(false);
  expect(request).not.toHaveBeenCalled();
  await act(async () => rerender({ on: true }));
  expect(request).toHaveBeenCalledExactlyOnceWith("screen");
  expect(release).not.toHaveBeenCalled();
  await act(async () => rerender({ on: false }));
  expect(release).toHaveBeenCalledOnce();
  await act(async () => setHidden(false));
  expect(request).toHaveBeenCalledOnce();
});

test("the lock that the browser dropped in the background is taken again", async () => {
  const { request } = locks();
  await act(async () => void rendered(true));
  await act(async () => setHidden(true));
  expect(request).toHaveBeenCalledOnce();
  await act(async () => setHidden(false));
  expect(request).toHaveBeenCalledTimes(2);
});

test("a lock that comes too late is let go at once", async () => {
  const { release } = locks();
  const { unmount } = rendered(true);
  unmount();
  await act(async () => undefined);
  expect(release).toHaveBeenCalledOnce();
});

test("a browser without locks, or one that refuses, is no failure", async () => {
  browserWith(undefined);
  await act(async () => void rendered(true));
  browserWith({ request: () => Promise.reject(new DOMException("battery", "NotAllowedError")) });
  await act(async () => void rendered(true));
  browserWith({ request: () => Promise.resolve({ release: () => Promise.reject(new Error("gone")) }) });
  const { unmount } = rendered(true);
  await act(async () => undefined);
  expect(unmount).not.toThrow();
});
