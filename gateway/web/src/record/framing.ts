import type { PipelineResult } from "../api/messages";

/** What must be so that a take is not lost: these are in the picture, and there is enough light. */
export const CONDITIONS = ["face", "shoulders", "leftHand", "rightHand", "light"] as const;

export type Condition = (typeof CONDITIONS)[number];

/** When each condition was last fulfilled; missing if it never was. */
export type Framing = Readonly<Partial<Record<Condition, number>>>;

type Landmarks = PipelineResult["landmarks"];
type Landmark = readonly number[];

/** The mean of a picture's values, of 255, from which on MediaPipe finds hands as well as by day. */
export const LEAST_LIGHT = 50;
/** A condition stays fulfilled for so long, because one frame in ten misses a hand that is there. */
export const HOLD_MS = 1000;

const SHOULDERS = [11, 12];
/** MediaPipe gives the pose's landmarks places outside the picture too; below this visibility they are guesses. */
const LEAST_VISIBILITY = 0.5;

/** The conditions after a frame. `light` is the mean of its values; null if the browser does not say. */
export function afterFrame(before: Framing, landmarks: Landmarks, light: number | null, atMs: number): Framing {
  const now: Readonly<Record<Condition, boolean>> = {
    face: allInside(landmarks.face),
    shoulders: allInside(SHOULDERS.map((place) => visible(landmarks.pose?.[place]))),
    leftHand: allInside(landmarks.left_hand),
    rightHand: allInside(landmarks.right_hand),
    light: light === null || light >= LEAST_LIGHT,
  };
  const fulfilled = CONDITIONS.filter((condition) => now[condition]).map((condition) => [condition, atMs] as const);
  return { ...before, ...Object.fromEntries(fulfilled) };
}

/** Whether a condition is fulfilled at a time. */
export function isFulfilled(framing: Framing, condition: Condition, atMs: number): boolean {
  return atMs - (framing[condition] ?? -Infinity) <= HOLD_MS;
}

/** The mean of a picture's colours, 0 to 255; null if there are no pixels. `pixels` are RGBA. */
export function lightOf(pixels: Uint8ClampedArray | null): number | null {
  if (!pixels) return null;
  const colours = pixels.filter((_, place) => place % 4 !== 3);
  return colours.reduce((sum, value) => sum + value, 0) / colours.length;
}

function visible(landmark: Landmark | undefined): Landmark {
  return landmark && (landmark[3] ?? 0) >= LEAST_VISIBILITY ? landmark : [];
}

/** Whether a part was found, and all of it is in the picture. */
function allInside(part: readonly Landmark[] | undefined): boolean {
  return part !== undefined && part.every(([x = -1, y = -1]) => x >= 0 && x <= 1 && y >= 0 && y <= 1);
}
