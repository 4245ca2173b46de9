import type { Size } from "../camera/grab";

export interface Rect {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** How a picture is put into its box: CSS's `object-fit`. */
export type Fit = "contain" | "cover";

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Where the picture is shown, and whether the other way round. */
export interface Placement {
  readonly picture: Rect;
  readonly mirrored: boolean;
}

/** Where a picture lies in its box: in its own shape, in the middle; `cover` lets it go over the edges. */
export function fitted(picture: Size, box: Size, how: Fit): Rect {
  const across = box.width / picture.width;
  const down = box.height / picture.height;
  const scale = how === "contain" ? Math.min(across, down) : Math.max(across, down);
  const width = picture.width * scale;
  const height = picture.height * scale;
  return { left: (box.width - width) / 2, top: (box.height - height) / 2, width, height };
}

/** A place in the picture, each of x and y from 0 to 1, as it is seen. */
export function placed(x: number, y: number, { picture, mirrored }: Placement): Point {
  return {
    x: picture.left + (mirrored ? 1 - x : x) * picture.width,
    y: picture.top + y * picture.height,
  };
}

/** A box in the picture, x0, y0, x1, y1, as it is seen; its left is left on the screen. */
export function placedBox([x0, y0, x1, y1]: readonly [number, number, number, number], placement: Placement): Rect {
  const from = placed(placement.mirrored ? x1 : x0, y0, placement);
  const to = placed(placement.mirrored ? x0 : x1, y1, placement);
  return { left: from.x, top: from.y, width: to.x - from.x, height: to.y - from.y };
}

/** How many pixels a canvas needs for a box of CSS pixels. */
export function backing({ width, height }: Size, pixelRatio: number): Size {
  return { width: Math.max(1, Math.round(width * pixelRatio)), height: Math.max(1, Math.round(height * pixelRatio)) };
}

/**
 * Where a label goes: on top of what it names, else inside it, whole within the bounds, and below the labels that are
 * there already.
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
