import type { LiveResult } from "../api/messages";
import { PARTS, type Part } from "../api/skeleton";

/** The parts as people call them; left and right are the person's own. */
export const PART_NAMES: Readonly<Record<Part, string>> = {
  pose: "Body",
  left_hand: "Left hand",
  right_hand: "Right hand",
  face: "Face",
};

/** A label of the server, as people call it. */
export function labelName(label: string): string {
  return (PART_NAMES as Readonly<Record<string, string>>)[label] ?? label.replaceAll("_", " ");
}

/** A confidence from 0 to 1 in words. */
export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** Which part a label is of, for its colour; null for others. */
export function partOf(label: string): Part | null {
  return (PARTS as readonly string[]).includes(label) ? (label as Part) : null;
}

/** Whether a part was found in a frame. */
export function isFound({ result }: LiveResult, part: Part): boolean {
  return result.landmarks[part] !== undefined;
}
