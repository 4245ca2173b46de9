import { describe, expect, test, vi } from "vitest";

import { installCanvas, showing } from "../test/media";
import { firstFrameSize, fit, frameSize, grabJpeg, sizeForBytes, within } from "./grab";

describe("fit", () => {
  test.each([
    ["4:3", 1280, 960, 640, 480],
    ["16:9", 1920, 1080, 640, 360],
    ["upright", 1080, 1920, 360, 640],
    ["upright 3:4", 960, 1280, 480, 640],
    ["square: the short side counts", 1000, 1000, 480, 480],
    ["what fits stays", 640, 480, 640, 480],
    ["small is not made larger", 320, 240, 320, 240],
    ["a thread", 4000, 2, 640, 1],
  ])("%s", (_, width, height, fitWidth, fitHeight) => {
    expect(fit({ width, height })).toEqual({ width: fitWidth, height: fitHeight });
  });

  test("never over the limits, whatever the shape", () => {
    for (let width = 100; width < 2500; width += 37) {
      for (let height = 100; height < 2500; height += 41) {
        const size = fit({ width, height });
        expect(Math.max(size.width, size.height)).toBeLessThanOrEqual(640);
        expect(Math.min(size.width, size.height)).toBeLessThanOrEqual(480);
      }
    }
  });
});

describe("within", () => {
  test("the same shape fills the frame, rounding aside", () => {
    expect(within({ width: 1366, height: 768 }, fit({ width: 1366, height: 768 }))).toMatchObject({
      x: 0,
      y: 0,
      ...fit({ width: 1366, height: 768 }),
    });
  });

  test("another shape lies in the middle", () => {
    expect(within({ width: 480, height: 640 }, { width: 640, height: 480 })).toEqual({
      x: 140,
      y: 0,
      width: 360,
      height: 480,
    });
  });
});

describe("grabJpeg", () => {
  test("draws the picture as the camera sees it, smaller", async () => {
    const context = installCanvas();
    const video = showing(1280, 720);
    const frame = await grabJpeg(video);
    expect(frame).toMatchObject({ width: 640, height: 360 });
    expect(frame?.bytes.byteLength).toBe(1000);
    expect(context.drawImage).toHaveBeenCalledExactlyOnceWith(video, 0, 0, 640, 360);
    expect(context.fillRect).not.toHaveBeenCalled();
  });

  test("keeps the size it is told when the device is turned, with bars", async () => {
    const context = installCanvas();
    const frame = await grabJpeg(showing(480, 640), { size: { width: 640, height: 480 } });
    expect(frame).toMatchObject({ width: 640, height: 480 });
    expect(context.fillRect).toHaveBeenCalledWith(0, 0, 640, 480);
  });

  test("nothing while there is no picture", async () => {
    installCanvas();
    expect(await grabJpeg(showing(0, 0))).toBeNull();
    expect(frameSize(showing(0, 0))).toBeNull();
  });

  test("nothing when the browser cannot make one", async () => {
    installCanvas();
    HTMLCanvasElement.prototype.toBlob = (done) => done(null);
    expect(await grabJpeg(showing(640, 480))).toBeNull();
  });
});

test("the first picture of a camera that was just turned on is waited for", async () => {
  const video = showing(0, 0);
  const size = firstFrameSize(video);
  showing(1280, 720, video).dispatchEvent(new Event("loadedmetadata"));
  expect(await size).toEqual({ width: 640, height: 360 });
});

test("but not for ever", async () => {
  const late = new AbortController();
  vi.spyOn(AbortSignal, "timeout").mockReturnValue(late.signal);
  const size = firstFrameSize(showing(0, 0));
  late.abort();
  expect(await size).toBeNull();
});

const bytesAt = (quality: number) => Math.round(40_000 * quality);

describe("a server that takes small frames only", () => {
  test("gets a picture of less quality", async () => {
    installCanvas(bytesAt);
    const frame = await grabJpeg(showing(640, 480), { quality: 0.8, maxBytes: 16_000 });
    expect(frame?.bytes.byteLength).toBeLessThanOrEqual(16_000);
    expect(frame?.bytes.byteLength).toBeGreaterThan(10_000);
  });

  test("gets the worst there is if nothing fits", async () => {
    installCanvas(bytesAt);
    expect((await grabJpeg(showing(640, 480), { quality: 0.8, maxBytes: 1 }))?.bytes.byteLength).toBe(4_000);
  });

  test("gets a smaller picture, in the camera's shape", async () => {
    installCanvas();
    vi.spyOn(HTMLCanvasElement.prototype, "toBlob").mockImplementation(function toBlob(this: HTMLCanvasElement, done) {
      const bytes = new ArrayBuffer(Math.round((this.width * this.height) / 10));
      done({ size: bytes.byteLength, arrayBuffer: () => Promise.resolve(bytes) } as unknown as Blob);
    });
    const video = showing(640, 480);
    expect(await sizeForBytes(video, { width: 640, height: 480 }, 40_000)).toEqual({ width: 640, height: 480 });
    expect(await sizeForBytes(video, { width: 640, height: 480 }, 18_000)).toEqual({ width: 480, height: 360 });
    expect(await sizeForBytes(video, { width: 640, height: 480 }, 1)).toEqual({ width: 151, height: 113 });
    expect(await sizeForBytes(showing(0, 0), { width: 640, height: 480 }, 1)).toBeNull();
  });
});
