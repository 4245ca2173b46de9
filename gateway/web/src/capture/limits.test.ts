import { expect, test } from "vitest";

import { TokenStore } from "../api/tokenStore";
import { createSend } from "../api/http";
import { answer, FakeServer, unreachable } from "../test/server";
import { aimBytes, askLimits, DEFAULT_LIMITS, fpsOf, maxDurationMs } from "./limits";

const LIMITS = "GET /camera_feed_worker/limits";
const send = createSend(new TokenStore());

test("they are the server's", async () => {
  const limits = { ...DEFAULT_LIMITS, max_fps: 10, max_duration_s: 5 };
  new FakeServer().on(LIMITS, () => answer(limits));
  expect(await askLimits(send)).toEqual(limits);
});

test("a server without the address has the defaults, and one that is away is a failure", async () => {
  const server = new FakeServer();
  expect(await askLimits(send)).toBe(DEFAULT_LIMITS);
  server.on(LIMITS, unreachable);
  await expect(askLimits(send)).rejects.toMatchObject({ code: "network_error" });
});

test("no camera is asked for more than 30 pictures a second", () => {
  expect(fpsOf({ ...DEFAULT_LIMITS, max_fps: 10 })).toBe(10);
  expect(fpsOf({ ...DEFAULT_LIMITS, max_fps: 120 })).toBe(30);
});

test("a capture stops a little before the server would end it, and never too short", () => {
  expect(maxDurationMs(DEFAULT_LIMITS)).toBe(119_500);
  expect(maxDurationMs({ ...DEFAULT_LIMITS, max_duration_s: 5 })).toBe(4_500);
  expect(maxDurationMs({ ...DEFAULT_LIMITS, max_duration_s: 2, min_duration_s: 2 })).toBe(2_000);
});

test("a frame aims at less than it may have, and at its share of the whole", () => {
  expect(aimBytes({ ...DEFAULT_LIMITS, max_frame_bytes: 20_000 })).toBe(18_000);
  expect(aimBytes(DEFAULT_LIMITS)).toBeLessThan(DEFAULT_LIMITS.max_total_bytes / DEFAULT_LIMITS.max_frames);
});
