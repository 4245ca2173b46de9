import { ErrorBanner } from "../components/ErrorBanner";
import { cameraFailure } from "./failures";

/** Whether browsers give the camera to a page at this address. */
export function isCameraAddress(): boolean {
  return window.isSecureContext && navigator.mediaDevices !== undefined;
}

/** Says, before anything is begun, that there is no camera at this address. */
export function InsecureNotice() {
  return <ErrorBanner failure={isCameraAddress() ? null : cameraFailure("camera_insecure")} tone="warning" />;
}
