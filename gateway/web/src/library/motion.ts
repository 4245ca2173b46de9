import type { CaptureMotion } from "../api/messages";
import { PARTS, type Part } from "../api/skeleton";
import type { Size } from "../camera/grab";
import { fitted } from "../live/geometry";

/** How long the last frame stays before the movement begins again, in milliseconds. */
const PAUSE_MS = 700;

/** Which of the frames is shown some time after the movement has begun; it is repeated. */
export function frameAt({ time_ms }: Pick<CaptureMotion, "time_ms">, elapsedMs: number): number {
  const end = (time_ms.at(-1) ?? 0) + PAUSE_MS;
  const now = elapsedMs % end;
  const next = time_ms.findIndex((time) => time > now);
  return Math.max(0, (next === -1 ? time_ms.length : next) - 1);
}

/** The frame that stands for the whole: of those in which the most parts were found, the one nearest the middle. */
export function stillFrame({ parts, time_ms }: Pick<CaptureMotion, "parts" | "time_ms">): number {
  const middle = (time_ms.length - 1) / 2;
  const hands = (frame: number) => PARTS.filter((part) => parts[part].frames[frame]).length;
  const frames = Array.from(time_ms, (_, frame) => frame);
  const most = Math.max(0, ...frames.map(hands));
  const best = frames.filter((frame) => hands(frame) === most);
  return best.sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle))[0] ?? 0;
}

export type PartColours = Readonly<Record<Part, string>>;

/** A surface to draw on: its size in pixels of the screen, and how many of them a CSS pixel is wide. */
export interface Surface extends Size {
  readonly ratio: number;
}

/** Above this width, in CSS pixels, lines do not become thicker. */
const WIDEST_PX = 400;

/** The width of a line, as a share of the picture's: the face has the most lines. */
const LINE: Readonly<Record<Part, number>> = { pose: 1 / 100, left_hand: 1 / 130, right_hand: 1 / 130, face: 1 / 220 };

/** Draws one frame: the skeleton of each part that was found, in the middle of a surface. */
export function drawFrame(
  context: CanvasRenderingContext2D,
  motion: CaptureMotion,
  frame: number,
  size: Surface,
  colours: PartColours,
): void {
  const picture = fitted(motion, size, "contain");
  context.clearRect(0, 0, size.width, size.height);
  context.lineCap = "round";
  const width = Math.min(size.width, WIDEST_PX * size.ratio);
  for (const part of PARTS) {
    const { lines, frames } = motion.parts[part];
    const points = frames[frame];
    if (!points) continue;
    const at = (place: number, along: 0 | 1) => points[2 * place + along] ?? null;
    const [across, down] = [picture.width / motion.scale, picture.height / motion.scale];
    context.strokeStyle = colours[part];
    context.lineWidth = Math.max(1, width * LINE[part]);
    context.beginPath();
    for (const [from, to] of lines) {
      const [x0, y0, x1, y1] = [at(from, 0), at(from, 1), at(to, 0), at(to, 1)];
      if (x0 === null || y0 === null || x1 === null || y1 === null) continue;
      context.moveTo(picture.left + x0 * across, picture.top + y0 * down);
      context.lineTo(picture.left + x1 * across, picture.top + y1 * down);
    }
    context.stroke();
  }
}
