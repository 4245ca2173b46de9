import type { LiveDropped, LiveError, LiveResult, LiveWarning } from "../api/messages";

/** A message of the server on a live connection. */
export type LiveAnswer = LiveResult | LiveDropped | LiveWarning | LiveError;

/** Parses a message of the server; null if this page does not know it. */
export function parseAnswer(data: unknown): LiveAnswer | null {
  if (typeof data !== "string") return null;
  let message: unknown;
  try {
    message = JSON.parse(data);
  } catch {
    return null;
  }
  return isAnswer(message) ? message : null;
}

function isAnswer(message: unknown): message is LiveAnswer {
  if (typeof message !== "object" || message === null) return false;
  const { frame_index, result, dropped, warning, error } = message as Record<string, unknown>;
  if (typeof error === "string" || warning === "slow_down") return true;
  return Number.isInteger(frame_index) && (dropped === true || isResult(result));
}

function isResult(result: unknown): boolean {
  if (typeof result !== "object" || result === null) return false;
  const { landmarks, detections } = result as Record<string, unknown>;
  return typeof landmarks === "object" && landmarks !== null && Array.isArray(detections);
}
