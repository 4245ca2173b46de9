import { failureWith, type Failure } from "../api/failure";
import { words, type Words } from "../words";

export type CameraCode = keyof Words["failures"]["camera"];

const BY_NAME: Readonly<Record<string, CameraCode>> = {
  NotFoundError: "camera_absent",
  NotAllowedError: "camera_denied",
  SecurityError: "camera_denied",
  NotReadableError: "camera_in_use",
  AbortError: "camera_in_use",
  OverconstrainedError: "camera_unsuitable",
};

/** The failure for a code, with a sentence that says what happened and what the person can do. */
export function cameraFailure(code: CameraCode): Failure {
  return failureWith(code, () => words().failures.camera[code]);
}

/** The failure to show for an error that getUserMedia threw. */
export function cameraFailureOf(error: unknown): Failure {
  const { name = "" } = (error ?? {}) as { name?: string };
  return cameraFailure(BY_NAME[name] ?? "camera_failed");
}
