import type { Failure } from "../api/failure";

export type CameraCode =
  | "camera_insecure"
  | "camera_absent"
  | "camera_denied"
  | "camera_in_use"
  | "camera_unsuitable"
  | "camera_unplugged"
  | "camera_failed";

const SENTENCES: Readonly<Record<CameraCode, string>> = {
  camera_insecure:
    "Browsers allow the camera only on pages with a secure address. Open this page at an address that begins with " +
    "https://, or, on the computer that the server runs on, at http://localhost.",
  camera_absent: "No camera was found. Connect one, then press “Try the camera again”.",
  camera_denied:
    "The browser does not let this page use the camera. Press the camera or the lock sign beside the address, allow " +
    "the camera, then press “Try the camera again”.",
  camera_in_use:
    "The camera does not answer; another program may be using it. Close video calls and other pages with the camera, " +
    "then press “Try the camera again”.",
  camera_unsuitable: "This camera cannot deliver a suitable picture. Connect another one, then try again.",
  camera_unplugged: "The camera was disconnected. Connect it, then press “Try the camera again”.",
  camera_failed: "The camera could not be started. Unplug it and connect it again, or load this page again.",
};

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
  return { code, sentence: SENTENCES[code] };
}

/** The failure to show for an error that getUserMedia threw. */
export function cameraFailureOf(error: unknown): Failure {
  const { name = "" } = (error ?? {}) as { name?: string };
  return cameraFailure(BY_NAME[name] ?? "camera_failed");
}
