import type { LiveResult } from "../api/messages";
import { known } from "../api/sentences";
import { PARTS, type Part } from "../api/skeleton";
import { words } from "../words";

/** The name to show for a label of the server. Left and right are as the person in the picture sees them. */
export function labelName(label: string): string {
  return known<string>(words().common.parts, label) ?? label.replaceAll("_", " ");
}

/** The part that a label belongs to; null if it belongs to none. */
export function partOf(label: string): Part | null {
  return (PARTS as readonly string[]).includes(label) ? (label as Part) : null;
}

/** Whether a part was found in a frame. */
export function isFound({ result }: LiveResult, part: Part): boolean {
  return result.landmarks[part] !== undefined;
}
