import type { Detection, LiveResult } from "../api/messages";
import { CONNECTIONS, PARTS, type Part } from "../api/skeleton";
import type { Size } from "../camera/grab";
import { percent, words } from "../words";
import { labelPlace, placed, placedBox, type Placement, type Point, type Rect } from "./geometry";
import { labelName, partOf } from "./parts";

/** The colour of each part, and one for detections that belong to no part. */
export type Colours = Readonly<Record<Part | "other", string>>;

/** A drawing surface of `size` CSS pixels, with the place of the picture on it. */
export interface Surface extends Placement {
  readonly size: Size;
  readonly colours: Colours;
}

const DARK = "#0b1110";
const FONT = "600 13px system-ui, sans-serif";
const LABEL_HEIGHT = 20;
const PADDING = 6;
/** Landmarks of the pose below this are not drawn: MediaPipe guesses them, for example legs under a table. */
const LEAST_VISIBILITY = 0.5;

/** Draws one result: skeletons, boxes, labels with their confidence, and the frame's index. Text is never mirrored. */
export function drawDetections(context: CanvasRenderingContext2D, answer: LiveResult, surface: Surface): void {
  const { landmarks, detections } = answer.result;
  for (const part of PARTS) {
    const points = landmarks[part];
    if (points) drawSkeleton(context, part, points, surface);
  }
  for (const detection of detections) drawBox(context, detection, surface);
  const taken: Rect[] = [];
  for (const detection of detections) taken.push(drawLabel(context, detection, surface, taken));
  drawFrameIndex(context, answer.frame_index, surface);
}

/** The points of a part on the surface; null for a point that is not drawn. */
export function visiblePoints(points: readonly (readonly number[])[], placement: Placement): (Point | null)[] {
  return points.map(([x, y, , visibility = 1]) =>
    x === undefined || y === undefined || visibility < LEAST_VISIBILITY ? null : placed(x, y, placement),
  );
}

function drawSkeleton(
  context: CanvasRenderingContext2D,
  part: Part,
  points: readonly (readonly number[])[],
  surface: Surface,
): void {
  const places = visiblePoints(points, surface);
  const fine = part === "face";
  context.lineCap = "round";
  context.lineJoin = "round";
  context.beginPath();
  for (const [from, to] of CONNECTIONS[part]) {
    const a = places[from];
    const b = places[to];
    if (!a || !b) continue;
    context.moveTo(a.x, a.y);
    context.lineTo(b.x, b.y);
  }
  // a dark line under the bright one, so that it is visible on every picture
  strokeTwice(context, surface.colours[part], fine ? 1.5 : 3);
  if (fine) return;
  context.fillStyle = surface.colours[part];
  for (const place of places) {
    if (!place) continue;
    context.beginPath();
    context.arc(place.x, place.y, part === "pose" ? 4 : 3, 0, 2 * Math.PI);
    context.fill();
  }
}

function strokeTwice(context: CanvasRenderingContext2D, colour: string, width: number): void {
  context.strokeStyle = "rgb(0 0 0 / 55%)";
  context.lineWidth = width + 2;
  context.stroke();
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke();
}

function drawBox(context: CanvasRenderingContext2D, { label, box }: Detection, surface: Surface): void {
  const { left, top, width, height } = placedBox(box, surface);
  if (width === 0 || height === 0) return; // the detection is outside the picture
  context.beginPath();
  context.rect(left, top, width, height);
  strokeTwice(context, colourOf(label, surface), 1.5);
}

function drawLabel(
  context: CanvasRenderingContext2D,
  { label, confidence, box }: Detection,
  surface: Surface,
  taken: readonly Rect[],
): Rect {
  const text = `${labelName(label)} ${percent(confidence)}`;
  const size = textSize(context, text);
  const place = labelPlace(placedBox(box, surface), size, surface.size, taken);
  drawText(context, text, place, colourOf(label, surface), DARK);
  return place;
}

function drawFrameIndex(context: CanvasRenderingContext2D, index: number, { size }: Surface): void {
  const text = words().live.frame(index);
  const own = textSize(context, text);
  drawText(context, text, { left: 8, top: size.height - own.height - 8, ...own }, DARK, "#ffffff");
}

function textSize(context: CanvasRenderingContext2D, text: string): Size {
  context.font = FONT;
  return { width: Math.ceil(context.measureText(text).width) + 2 * PADDING, height: LABEL_HEIGHT };
}

function drawText(context: CanvasRenderingContext2D, text: string, place: Rect, ground: string, ink: string): void {
  context.fillStyle = ground;
  context.beginPath();
  context.roundRect(place.left, place.top, place.width, place.height, 4);
  context.fill();
  context.fillStyle = ink;
  context.textBaseline = "middle";
  context.fillText(text, place.left + PADDING, place.top + place.height / 2);
}

function colourOf(label: string, { colours }: Surface): string {
  return colours[partOf(label) ?? "other"];
}
