import { recordingContext } from "../test/drawing";
import { MOTION } from "../test/library";
import { drawFrame, frameAt, stillFrame, type PartColours } from "./motion";
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

test("the lines of the parts that were found are drawn in their colours, where both ends are", () => {
  const { context, drawn } = recordingContext();
  const colours = { pose: "yellow", left_hand: "blue", right_hand: "red", face: "green" };
  drawFrame(context, MOTION, 0, { width: 64, height: 48, ratio: 1 }, colours);
  expect(drawn.filter(([name]) => name === "strokeStyle =").map(([, colour]) => colour)).toEqual(["yellow", "blue"]);
  const lines = drawn.filter(([name]) => name === "moveTo" || name === "lineTo");
  expect(lines[0]?.[1]).toBeCloseTo(6.4);
  expect(lines[1]?.[2]).toBeCloseTo(19.2);
  expect(lines).toHaveLength(4);
});

/** The widths of the lines in a picture of some width. */
function widths(width: number, ratio: number): string[] {
  const { context, drawn } = recordingContext();
  const motion = { ...MOTION, parts: { ...MOTION.parts, face: MOTION.parts.left_hand } };
  drawFrame(context, motion, 0, { width, height: width, ratio }, {} as PartColours);
  return drawn.filter(([name]) => name === "lineWidth =").map(([, line]) => Number(line).toFixed(1));
}

test("lines grow with the picture, up to a point, and those of the face are the thinnest", () => {
  expect(widths(80, 1)).toEqual(["1.0", "1.0", "1.0"]);
  expect(widths(260, 1)).toEqual(["2.6", "2.0", "1.2"]);
  expect(widths(540, 1)).toEqual(["4.0", "3.1", "1.8"]);
  expect(widths(1080, 2)).toEqual(["8.0", "6.2", "3.6"]);
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
  expect((await Promise.all(all)).map((motion) => motion !== null)).toEqual([...ids.map(() => true), false, false]);
  expect(asked).not.toContain("past");
  expect(most).toBe(4);
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
