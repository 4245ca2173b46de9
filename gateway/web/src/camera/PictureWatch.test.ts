import { expect, test, vi } from "vitest";

import { PictureWatch, thumbnail } from "./PictureWatch";

const picture = (value: number) => Uint8ClampedArray.from({ length: 16 }, (_, at) => (at % 4 === 3 ? 255 : value));

test("a camera that moves is live, also in the dark", () => {
  const watch = new PictureWatch();
  for (let ms = 0; ms < 5000; ms += 100) expect(watch.check(picture(100 + (ms % 200)), ms)).toBe("live");
  for (let ms = 5000; ms < 9000; ms += 100) expect(watch.check(picture(21 + (ms % 200) / 100), ms)).toBe("live");
});

test("a picture is still after two seconds, and live when it moves again", () => {
  const watch = new PictureWatch();
  expect(watch.check(picture(90), 0)).toBe("live");
  expect(watch.check(picture(90), 1900)).toBe("live");
  expect(watch.check(picture(90), 2000)).toBe("still");
  expect(watch.check(picture(91), 2100)).toBe("live");
});

test("a picture is black after a second, whatever its noise, and live when there is light", () => {
  const watch = new PictureWatch();
  expect(watch.check(picture(90), 0)).toBe("live");
  expect(watch.check(picture(3), 500)).toBe("live");
  expect(watch.check(picture(4), 1100)).toBe("black");
  expect(watch.check(picture(60), 1200)).toBe("live");
});

test("a camera that is black from the beginning is noticed as soon", () => {
  const watch = new PictureWatch();
  expect(watch.check(picture(0), 0)).toBe("live");
  expect(watch.check(picture(1), 1000)).toBe("black");
});

test("pixels that cannot be had say nothing", () => {
  expect(new PictureWatch().check(null, 5000)).toBe("live");
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue({} as never);
  expect(thumbnail(document.createElement("video"))).toBeNull();
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(null);
  expect(thumbnail(document.createElement("video"))).toBeNull();
});
