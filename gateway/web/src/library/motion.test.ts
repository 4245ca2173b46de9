import { MOTION } from "../test/library";
import { frameAt, pathOf, stillFrame } from "./motion";
import { MotionStore } from "./MotionStore";
import { movement } from "./movement";

test("frames follow their times, the last one stays a moment, then it begins again", () => {
  expect([0, 99, 100, 799, 800, 1650].map((ms) => frameAt(MOTION, ms))).toEqual([0, 0, 1, 1, 0, 0]);
  expect(frameAt({ time_ms: [] }, 5)).toBe(0);
});

test("the still picture is a frame with as much as possible", () => {
  expect(stillFrame(MOTION)).toBe(0);
  expect(stillFrame({ ...MOTION, time_ms: [] })).toBe(0);
});

test("a part that was found is its lines, in pixels of the picture, where both ends are", () => {
  expect(pathOf(MOTION, "pose", 0)).toBe("M64.0 96.0L192.0 192.0");
  expect(pathOf(MOTION, "face", 0)).toBe("");
  expect(pathOf(MOTION, "pose", 99)).toBe("");
});

test("a few movements are loaded at once, and those that were scrolled past are not", async () => {
  let running = 0;
  let most = 0;
  const asked: string[] = [];
  const store = new MotionStore({
    async motion(id) {
      asked.push(id);
      running += 1;
      most = Math.max(most, running);
      await Promise.resolve();
      running -= 1;
      if (id === "bad") throw new Error("no");
      return MOTION;
    },
  });
  const past = AbortSignal.abort();
  const here = new AbortController().signal;
  const ids = Array.from({ length: 310 }, (_, at) => `c${at}`);
  const all = [...ids.map((id) => store.load(id, here)), store.load("past", past), store.load("bad", here)];
  expect((await Promise.all(all)).map((motion) => typeof motion === "object")).toEqual([
    ...ids.map(() => true),
    false,
    false,
  ]);
  expect(asked).not.toContain("past");
  expect(most).toBe(2);
  expect(store.kept("c309")).toBe(MOTION);
  expect(store.kept("c0")).toBeNull(); // the oldest ones are let go
});

test("pictures rest while the page scrolls", () => {
  const requested: FrameRequestCallback[] = [];
  vi.stubGlobal("requestAnimationFrame", (step: FrameRequestCallback) => requested.push(step));
  vi.stubGlobal("cancelAnimationFrame", vi.fn<(id: number) => void>());
  vi.spyOn(performance, "now").mockReturnValue(200_000);
  const draw = vi.fn<(now: number) => void>();
  const stop = movement.add(draw);
  window.dispatchEvent(new Event("scroll"));
  requested[0]?.(200_100);
  expect(draw).not.toHaveBeenCalled();
  requested[1]?.(200_200);
  expect(draw).toHaveBeenCalledOnce();
  stop();
});

test("all pictures move in one loop, which rests while there is none", () => {
  const requested: FrameRequestCallback[] = [];
  const cancelled = vi.fn<(id: number) => void>();
  vi.stubGlobal("requestAnimationFrame", (step: FrameRequestCallback) => requested.push(step));
  vi.stubGlobal("cancelAnimationFrame", cancelled);
  const first = vi.fn<(now: number) => void>();
  const second = vi.fn<(now: number) => void>();
  const stop = [movement.add(first), movement.add(second)];
  expect(requested).toHaveLength(1);
  requested[0]?.(300_000);
  requested[1]?.(300_010); // too soon
  requested[2]?.(300_100);
  expect(first.mock.calls).toEqual([[300_000], [300_100]]);
  expect(second).toHaveBeenCalledTimes(2);
  stop[0]?.();
  expect(cancelled).not.toHaveBeenCalled();
  stop[1]?.();
  expect(cancelled).toHaveBeenCalledOnce();
});
