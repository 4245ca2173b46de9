import type { Point, Rect } from "../live/geometry";

/** A pointer that rests on a control, to press it. */
export interface Dwell<T> {
  readonly target: T | null;
  /** Since when the pointer is on it. */
  readonly sinceMs: number;
  /** Since when it is beside it; null while it is on it. */
  readonly leftMs: number | null;
  /** The place of the last press: the pointer must leave it first, whatever is there now. */
  readonly pressed: Rect | null;
}

export const NOWHERE: Dwell<never> = { target: null, sinceMs: 0, leftMs: null, pressed: null };

/** How long a pointer may slip off a control, as that of an eye or a head does, without a new beginning. */
export const SLIP_MS = 200;

/** What the pointer is on: a control and its place on the screen. */
export interface Under<T> {
  readonly target: T;
  readonly rect: Rect;
}

/** The rest of a pointer a moment later; `press` is the control that it has pressed by it. */
export function rested<T>(
  dwell: Dwell<T>,
  pointer: Point,
  under: Under<T> | null,
  atMs: number,
  dwellMs: number,
): readonly [Dwell<T>, press: T | null] {
  if (dwell.pressed && isWithin(pointer, dwell.pressed)) return [dwell, null];
  if (under === null || under.target !== dwell.target) {
    const leftMs = dwell.leftMs ?? atMs;
    if (dwell.target !== null && atMs - leftMs <= SLIP_MS) return [{ ...dwell, leftMs }, null];
    return [under === null ? NOWHERE : { ...NOWHERE, target: under.target, sinceMs: atMs }, null];
  }
  if (atMs - dwell.sinceMs < dwellMs) return [{ ...dwell, leftMs: null }, null];
  return [{ ...NOWHERE, pressed: under.rect }, under.target];
}

/** How much of the time has passed, 0 to 1. */
export function dwellShare({ target, sinceMs }: Dwell<unknown>, atMs: number, dwellMs: number): number {
  return target === null ? 0 : Math.min(1, (atMs - sinceMs) / dwellMs);
}

function isWithin({ x, y }: Point, { left, top, width, height }: Rect): boolean {
  return x >= left && x <= left + width && y >= top && y <= top + height;
}
