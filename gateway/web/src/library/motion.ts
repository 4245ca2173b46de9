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

/** Draws one frame: the skeleton of each part that was found, in the middle of a surface of `size` pixels. */
export function drawFrame(
  context: CanvasRenderingContext2D,
  motion: CaptureMotion,
  frame: number,
  size: Size,
  colours: PartColours,
): void {
  const picture = fitted(motion, size, "contain");
  context.clearRect(0, 0, size.width, size.height);
  context.lineCap = "round";
  for (const part of PARTS) {
    const { lines, frames } = motion.parts[part];
    const points = frames[frame];
    if (!points) continue;
    const at = (place: number, along: 0 | 1) => points[2 * place + along] ?? null;
    const [across, down] = [picture.width / motion.scale, picture.height / motion.scale];
    context.strokeStyle = colours[part];
    context.lineWidth = Math.max(1, size.width / (part === "pose" ? 90 : 120));
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
