import type { Size } from "../camera/grab";

export interface Rect {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** How a picture fills its box, as in CSS's `object-fit`. */
export type Fit = "contain" | "cover";

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** The place of the picture, and whether it is mirrored. */
export interface Placement {
  readonly picture: Rect;
  readonly mirrored: boolean;
}

/** The place of a picture in its box: in the middle, with its own proportions. With `cover` it may exceed the box. */
export function fitted(picture: Size, box: Size, how: Fit): Rect {
  const across = box.width / picture.width;
  const down = box.height / picture.height;
  const scale = how === "contain" ? Math.min(across, down) : Math.max(across, down);
  const width = picture.width * scale;
  const height = picture.height * scale;
  return { left: (box.width - width) / 2, top: (box.height - height) / 2, width, height };
}

/** The position on the screen of a point in the picture; `x` and `y` are 0 to 1. */
export function placed(x: number, y: number, { picture, mirrored }: Placement): Point {
  return {
    x: picture.left + (mirrored ? 1 - x : x) * picture.width,
    y: picture.top + y * picture.height,
  };
}

/** The rectangle on the screen of a box in the picture (x0, y0, x1, y1, each 0 to 1). Mirroring swaps left and right. */
export function placedBox([x0, y0, x1, y1]: readonly [number, number, number, number], placement: Placement): Rect {
  const from = placed(placement.mirrored ? x1 : x0, y0, placement);
  const to = placed(placement.mirrored ? x0 : x1, y1, placement);
  return { left: from.x, top: from.y, width: to.x - from.x, height: to.y - from.y };
}

/** The number of device pixels that a canvas needs for a box of CSS pixels. */
export function backing({ width, height }: Size, pixelRatio: number): Size {
  return { width: Math.max(1, Math.round(width * pixelRatio)), height: Math.max(1, Math.round(height * pixelRatio)) };
}

/**
 * The place of a label: above its box if there is room, else inside it; always within the bounds, and below the labels
 * that it would cover.
 */
export function labelPlace(named: Rect, label: Size, bounds: Size, taken: readonly Rect[]): Rect {
  const left = clamp(named.left, 0, bounds.width - label.width);
  const above = named.top - label.height;
  let top = clamp(above >= 0 ? above : named.top, 0, bounds.height - label.height);
  for (const other of [...taken].sort((a, b) => a.top - b.top)) {
    if (overlap({ left, top, ...label }, other)) top = other.top + other.height;
  }
  return { left, top: clamp(top, 0, bounds.height - label.height), ...label };
}

function overlap(a: Rect, b: Rect): boolean {
  const across = a.left < b.left + b.width && b.left < a.left + a.width;
  return across && a.top < b.top + b.height && b.top < a.top + a.height;
}

function clamp(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(most, value));
}
