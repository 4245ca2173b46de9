import { useId } from "react";

import { Button } from "../components/Button";
import { useWords } from "../words";
import type { Camera } from "./useCamera";

/** Whether to mirror the picture. People expect to see themselves in a mirror, but not what is in front of them. */
export function isMirrored({ facing }: Pick<Camera, "facing">): boolean {
  return facing !== "environment";
}

/** Changes the camera: a button for the other side of a phone, else a list. Renders nothing if there is only one camera. */
export function CameraChoice({ camera }: { readonly camera: Camera }) {
  const id = useId();
  const { camera: words } = useWords().capture;
  const { status, cameras, cameraId, facing, choose } = camera;
  if (status !== "ready" || cameras.length < 2) return null;
  if (facing) {
    const other = facing === "user" ? "environment" : "user";
    return (
      <Button tone="quiet" onClick={() => void choose({ facing: other })}>
        {other === "user" ? words.front : words.back}
      </Button>
    );
  }
  return (
    <div className="field camera-choice">
      <label htmlFor={id}>{words.choice}</label>
      <select id={id} value={cameraId ?? ""} onChange={({ target }) => void choose({ deviceId: target.value })}>
        {cameras.map(({ id: deviceId, label }) => (
          <option key={deviceId} value={deviceId}>
            {label}
          </option>
        ))}
      </select>
    </div>
  );
}
