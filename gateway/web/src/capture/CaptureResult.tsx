import { Card } from "../components/Card";
import { Field } from "../components/Field";
import { LandmarkPicture } from "./LandmarkPicture";
import type { Capture } from "./useCapture";

export interface CaptureResultProps {
  readonly capture: Capture | null;
}

/** What the capture is called, and, when it is recorded, what proves it. */
export function CaptureResult({ capture }: CaptureResultProps) {
  const recorded = capture?.state.phase === "recorded";
  return (
    <Card title="What was recorded">
      <div className="fields">
        <Field label="record_id" value={capture?.window.recordId ?? ""} placeholder="none yet" mono />
        <Field label="capture_id" value={capture?.window.captureId ?? ""} placeholder="none yet" mono />
      </div>
      <Field
        label="Artifact hash"
        hint="A fingerprint of the file with the landmarks: the same file always has the same one."
        value={capture?.state.hash ?? ""}
        placeholder="none yet"
        mono
      />
      {capture && recorded && <LandmarkPicture key={capture.window.captureId} captureId={capture.window.captureId} />}
    </Card>
  );
}
