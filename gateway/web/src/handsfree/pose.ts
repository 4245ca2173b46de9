import type { PipelineResult } from "../api/messages";
import type { Point } from "../live/geometry";

/** What one frame says about the arms. All lengths are in widths of the person's shoulders, so distance does not matter. */
export interface PoseReading {
  readonly atMs: number;
  /** How far the higher wrist is above the shoulders, negative if below; null if no wrist is in the picture. */
  readonly raise: number | null;
  /**
   * How far the higher wrist is above its elbow, or above the hip if that is less; null if no wrist is in the picture,
   * Infinity if one is there without elbow and hip.
   */
  readonly lift: number | null;
  /** The wrists, left and right; null for one that is not in the picture. */
  readonly wrists: readonly (Point | null)[];
}

type Landmark = readonly number[];

const SHOULDERS = [11, 12] as const;
/** The landmarks of an arm in the pose, and of its hand. */
const ARMS = [
  { wrist: 15, elbow: 13, hip: 23, hand: "left_hand" },
  { wrist: 16, elbow: 14, hip: 24, hand: "right_hand" },
] as const;
/** MediaPipe gives every landmark of a pose a place, also outside the picture; below this visibility it is a guess. */
const LEAST_VISIBILITY = 0.5;
/** Shoulders that are narrower, in heights of the picture, are those of a person from the side: no measure. */
const LEAST_SHOULDERS = 0.04;

/** Reads the landmarks of a frame whose picture has the aspect width / height; null without both shoulders. */
export function readPose(landmarks: PipelineResult["landmarks"], aspect: number, atMs: number): PoseReading | null {
  const pose = landmarks.pose ?? [];
  const [left, right] = SHOULDERS.map((place) => seen(pose[place]));
  if (!left || !right) return null;
  const width = Math.hypot((left.x - right.x) * aspect, left.y - right.y);
  if (width < LEAST_SHOULDERS) return null;
  const scaled = (point: Point): Point => ({ x: (point.x * aspect) / width, y: point.y / width });
  const line = (left.y + right.y) / 2 / width;
  const arms = ARMS.map(({ wrist, elbow, hip, hand }) => {
    const at = seen(pose[wrist]) ?? inside(landmarks[hand]?.[0]);
    if (!at) return null;
    const point = scaled(at);
    const below = [pose[elbow], pose[hip]].map(seen).flatMap((joint) => (joint ? [scaled(joint).y - point.y] : []));
    return { point, raise: line - point.y, lift: below.length > 0 ? Math.min(...below) : Infinity };
  });
  const there = arms.filter((arm) => arm !== null);
  return {
    atMs,
    raise: there.length > 0 ? Math.max(...there.map(({ raise }) => raise)) : null,
    lift: there.length > 0 ? Math.max(...there.map(({ lift }) => lift)) : null,
    wrists: arms.map((arm) => arm?.point ?? null),
  };
}

/** A landmark of the pose (x, y, z, visibility) that is in the picture. */
function seen(landmark: Landmark | undefined): Point | null {
  return (landmark?.[3] ?? 0) >= LEAST_VISIBILITY ? inside(landmark) : null;
}

function inside(landmark: Landmark | undefined): Point | null {
  const [x = -1, y = -1] = landmark ?? [];
  return x >= 0 && x <= 1 && y >= 0 && y <= 1 ? { x, y } : null;
}
