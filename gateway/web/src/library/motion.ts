import type { CaptureMotion } from "../api/messages";
import { PARTS, type Part } from "../api/skeleton";

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

/** The lines of a part in one frame, for an SVG path, in pixels of the captured picture; empty if it was not found. */
export function pathOf({ parts, width, height, scale }: CaptureMotion, part: Part, frame: number): string {
  const { lines, frames } = parts[part];
  const points = frames[frame];
  if (!points) return "";
  const at = (place: number): string | null => {
    const [x, y] = [points[2 * place], points[2 * place + 1]];
    if (x === null || x === undefined || y === null || y === undefined) return null;
    return `${((x * width) / scale).toFixed(1)} ${((y * height) / scale).toFixed(1)}`;
  };
  let path = "";
  for (const [from, to] of lines) {
    const [begin, end] = [at(from), at(to)];
    if (begin !== null && end !== null) path += `M${begin}L${end}`;
  }
  return path;
}
