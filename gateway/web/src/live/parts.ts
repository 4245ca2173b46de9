import type { LiveResult } from "../api/messages";
import { PARTS, type Part } from "../api/skeleton";

/** The names of the parts. Left and right are as the person in the picture sees them. */
export const PART_NAMES: Readonly<Record<Part, string>> = {
  pose: "Body",
  left_hand: "Left hand",
  right_hand: "Right hand",
  face: "Face",
};

/** The name to show for a label of the server. */
export function labelName(label: string): string {
  return (PART_NAMES as Readonly<Record<string, string>>)[label] ?? label.replaceAll("_", " ");
}

/** A share from 0 to 1 as a percentage. */
export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** The part that a label belongs to; null if it belongs to none. */
export function partOf(label: string): Part | null {
  return (PARTS as readonly string[]).includes(label) ? (label as Part) : null;
}

/** Whether a part was found in a frame. */
export function isFound({ result }: LiveResult, part: Part): boolean {
  return result.landmarks[part] !== undefined;
}
