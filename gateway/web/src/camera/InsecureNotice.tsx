import { ErrorBanner } from "../components/ErrorBanner";
import { cameraFailure } from "./failures";

/** Whether browsers allow the camera on a page at this address. */
export function isCameraAddress(): boolean {
  return window.isSecureContext && navigator.mediaDevices !== undefined;
}

/** A warning if browsers do not allow the camera at this address; shown before the person begins anything. */
export function InsecureNotice() {
  return <ErrorBanner failure={isCameraAddress() ? null : cameraFailure("camera_insecure")} tone="warning" />;
}
