import type { PipelineResult } from "../api/messages";

/** A place in the picture, 0 to 1; null for an arm that is not in it. */
type Place = readonly [x: number, y: number] | null;

/**
 * The landmarks of a person who sits before the camera: shoulders 0.3 heights of a square picture apart, at 0.5; elbows
 * at 0.7, hips at 0.9. The person's left is at the right of the picture.
 */
export function body(left: Place, right: Place): PipelineResult["landmarks"] {
  const pose = Array.from({ length: 33 }, () => [0.5, 0.2, 0, 0.1]);
  const put = (number: number, place: Place) => {
    pose[number] = place ? [...place, 0, 0.99] : [0.5, 1.2, 0, 0.1]; // MediaPipe's guess
  };
  put(11, [0.65, 0.5]);
  put(12, [0.35, 0.5]);
  put(13, [0.7, 0.7]);
  put(14, [0.3, 0.7]);
  put(23, [0.6, 0.9]);
  put(24, [0.4, 0.9]);
  put(15, left);
  put(16, right);
  return { pose };
}

/** Both hands in the lap. */
export const LAP = body([0.55, 0.88], [0.45, 0.88]);
/** The right hand raised, 0.4 shoulder widths above the shoulders. */
export const RAISED = body([0.55, 0.88], [0.3, 0.38]);
/** The right hand before the chest. */
export const CHEST = body([0.55, 0.88], [0.4, 0.6]);
/** No hand in the picture. */
export const NO_HANDS = body(null, null);
