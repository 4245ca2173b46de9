import { act, renderHook } from "@testing-library/react";
import { describe, expect, test, vi } from "vitest";

import { FakeStream, installCamera, setHidden } from "../test/media";
import { useCamera } from "./useCamera";
import { usePageHidden } from "./usePageHidden";

const refusing = (name: string) => () => Promise.reject(new DOMException("no", name));

describe("useCamera", () => {
  test("asks only when started, then is ready", async () => {
    const stream = new FakeStream();
    const getUserMedia = installCamera(() => Promise.resolve(stream));
    const { result } = renderHook(useCamera);
    expect(result.current.status).toBe("idle");
    expect(getUserMedia).not.toHaveBeenCalled();
    await act(() => result.current.start());
    expect(result.current).toMatchObject({ status: "ready", stream, failure: null });
    expect(getUserMedia.mock.calls[0]?.[0].audio).toBe(false);
  });

  test("is asking meanwhile, and asks once", async () => {
    const getUserMedia = installCamera(() => new Promise(() => undefined));
    const { result } = renderHook(useCamera);
    await act(async () => {
      void result.current.start();
      void result.current.start();
    });
    expect(result.current.status).toBe("asking");
    expect(getUserMedia).toHaveBeenCalledOnce();
  });

  test.each([
    ["NotFoundError", "camera_absent", /No camera was found/],
    ["NotAllowedError", "camera_denied", /does not let this page use the camera/],
    ["SecurityError", "camera_denied", /does not let this page use the camera/],
    ["NotReadableError", "camera_in_use", /another program may be using it/],
    ["AbortError", "camera_in_use", /another program may be using it/],
    ["OverconstrainedError", "camera_unsuitable", /cannot deliver a suitable picture/],
    ["TypeError", "camera_failed", /could not be started/],
  ])("%s is %s", async (name, code, sentence) => {
    installCamera(refusing(name));
    const { result } = renderHook(useCamera);
    await act(() => result.current.start());
    expect(result.current.status).toBe("failed");
    expect(result.current.failure?.code).toBe(code);
    expect(result.current.failure?.sentence).toMatch(sentence);
  });

  test("an address that is not secure is explained with HTTPS", async () => {
    installCamera(() => Promise.resolve(new FakeStream()), false);
    const { result } = renderHook(useCamera);
    await act(() => result.current.start());
    expect(result.current.failure?.code).toBe("camera_insecure");
    expect(result.current.failure?.sentence).toMatch(/https:\/\//);
  });

  test("can be started again after a failure", async () => {
    const answer = vi.fn<() => Promise<unknown>>(refusing("NotFoundError"));
    installCamera(answer);
    const { result } = renderHook(useCamera);
    await act(() => result.current.start());
    answer.mockResolvedValue(new FakeStream());
    await act(() => result.current.start());
    expect(result.current).toMatchObject({ status: "ready", failure: null });
  });

  test("a camera that is unplugged says so", async () => {
    const stream = new FakeStream();
    installCamera(() => Promise.resolve(stream));
    const { result } = renderHook(useCamera);
    await act(() => result.current.start());
    act(() => void stream.track.dispatchEvent(new Event("ended")));
    expect(result.current).toMatchObject({ status: "failed", stream: null });
    expect(result.current.failure?.code).toBe("camera_unplugged");
  });

  test("stop lets it go", async () => {
    const stream = new FakeStream();
    installCamera(() => Promise.resolve(stream));
    const { result } = renderHook(useCamera);
    await act(() => result.current.start());
    act(() => result.current.stop());
    expect(stream.track.stop).toHaveBeenCalled();
    expect(result.current.status).toBe("idle");
  });

  test("leaving the page lets it go", async () => {
    const stream = new FakeStream();
    installCamera(() => Promise.resolve(stream));
    const { result, unmount } = renderHook(useCamera);
    await act(() => result.current.start());
    unmount();
    expect(stream.track.stop).toHaveBeenCalled();
  });

  test("a camera that is allowed after the page was left is let go at once", async () => {
    const stream = new FakeStream();
    const allow: ((stream: unknown) => void)[] = [];
    installCamera(() => new Promise((resolve) => allow.push(resolve)));
    const { result, unmount } = renderHook(useCamera);
    act(() => void result.current.start());
    unmount();
    await act(async () => allow[0]?.(stream));
    expect(stream.track.stop).toHaveBeenCalled();
  });
});

test("usePageHidden follows the page", () => {
  setHidden(false);
  const { result } = renderHook(usePageHidden);
  expect(result.current).toBe(false);
  act(() => setHidden(true));
  expect(result.current).toBe(true);
  act(() => setHidden(false));
  expect(result.current).toBe(false);
});
