import { describe, expect, test } from "vitest";

import { backing, fitted, labelPlace, placed, placedBox } from "./geometry";

const VGA = { width: 640, height: 480 };

describe("fitted", () => {
  test.each([
    ["the same shape fills the box", VGA, { width: 320, height: 240 }, { left: 0, top: 0, width: 320, height: 240 }],
    [
      "wide in a tall box: bars above and below",
      { width: 1280, height: 720 },
      VGA,
      { left: 0, top: 60, width: 640, height: 360 },
    ],
    [
      "tall in a wide box: bars at the sides",
      { width: 480, height: 640 },
      VGA,
      { left: 140, top: 0, width: 360, height: 480 },
    ],
    ["a small picture is made larger", { width: 64, height: 48 }, VGA, { left: 0, top: 0, width: 640, height: 480 }],
  ])("contain: %s", (_, picture, box, expected) => {
    expect(fitted(picture, box, "contain")).toEqual(expected);
  });

  test("cover goes over the edges, in the middle", () => {
    expect(fitted({ width: 1280, height: 720 }, { width: 480, height: 480 }, "cover")).toEqual({
      left: (480 - 480 * (16 / 9)) / 2,
      top: 0,
      width: 480 * (16 / 9),
      height: 480,
    });
  });

  test.each(["contain", "cover"] as const)("%s keeps the shape and the middle, at every size", (how) => {
    for (let width = 100; width < 2000; width += 173) {
      for (let height = 100; height < 2000; height += 191) {
        const rect = fitted({ width: 640, height: 360 }, { width, height }, how);
        expect(rect.width / rect.height).toBeCloseTo(640 / 360);
        expect(rect.left + rect.width / 2).toBeCloseTo(width / 2);
        expect(rect.top + rect.height / 2).toBeCloseTo(height / 2);
      }
    }
  });
});

describe("placed", () => {
  const picture = { left: 140, top: 10, width: 360, height: 480 };

  test("a place in the picture, from its corner", () => {
    expect(placed(0, 0, { picture, mirrored: false })).toEqual({ x: 140, y: 10 });
    expect(placed(0.25, 0.5, { picture, mirrored: false })).toEqual({ x: 230, y: 250 });
  });

  test("mirrored, left is right, and up stays up", () => {
    expect(placed(0, 0, { picture, mirrored: true })).toEqual({ x: 500, y: 10 });
    expect(placed(0.25, 0.5, { picture, mirrored: true })).toEqual({ x: 410, y: 250 });
  });

  test("the middle stays the middle", () => {
    expect(placed(0.5, 0.5, { picture, mirrored: true })).toEqual(placed(0.5, 0.5, { picture, mirrored: false }));
  });

  test("a box keeps its size when it is mirrored, and its left stays left", () => {
    const box = [0.1, 0.2, 0.3, 0.6] as const;
    const plain = placedBox(box, { picture, mirrored: false });
    const mirrored = placedBox(box, { picture, mirrored: true });
    expect(plain.left).toBeCloseTo(176);
    expect(mirrored.left).toBeCloseTo(140 + 0.7 * 360);
    for (const rect of [plain, mirrored]) {
      expect(rect.width).toBeCloseTo(72);
      expect(rect.height).toBeCloseTo(192);
      expect(rect.top).toBeCloseTo(106);
    }
  });
});

describe("backing", () => {
  test("a canvas has the pixels of the screen", () => {
    expect(backing({ width: 320, height: 240 }, 1)).toEqual({ width: 320, height: 240 });
    expect(backing({ width: 320, height: 240 }, 3)).toEqual({ width: 960, height: 720 });
    expect(backing({ width: 333, height: 251 }, 1.5)).toEqual({ width: 500, height: 377 });
  });

  test("is never empty", () => {
    expect(backing({ width: 0, height: 0 }, 2)).toEqual({ width: 1, height: 1 });
  });
});

describe("labelPlace", () => {
  const label = { width: 80, height: 20 };

  test("on top of what it names", () => {
    expect(labelPlace({ left: 100, top: 100, width: 50, height: 50 }, label, VGA, [])).toMatchObject({
      left: 100,
      top: 80,
    });
  });

  test("inside, where there is no room above", () => {
    expect(labelPlace({ left: 100, top: 5, width: 50, height: 50 }, label, VGA, [])).toMatchObject({
      left: 100,
      top: 5,
    });
  });

  test("always whole", () => {
    expect(labelPlace({ left: 620, top: 600, width: 50, height: 50 }, label, VGA, [])).toMatchObject({
      left: 560,
      top: 460,
    });
    expect(labelPlace({ left: -50, top: -50, width: 50, height: 50 }, label, VGA, [])).toMatchObject({
      left: 0,
      top: 0,
    });
  });

  test("below the labels that are there already", () => {
    const named = { left: 100, top: 100, width: 50, height: 50 };
    const first = labelPlace(named, label, VGA, []);
    const second = labelPlace(named, label, VGA, [first]);
    const third = labelPlace(named, label, VGA, [second, first]);
    expect([first.top, second.top, third.top]).toEqual([80, 100, 120]);
  });

  test("labels that only touch it leave it where it is", () => {
    const named = { left: 100, top: 100, width: 50, height: 50 };
    const own = { left: 100, top: 80, ...label };
    const left = { ...own, left: 20 };
    const right = { ...own, left: 180 };
    const above = { ...own, top: 60 };
    const below = { ...own, top: 100 };
    expect(labelPlace(named, label, VGA, [left, right, above, below])).toEqual(own);
  });
});
