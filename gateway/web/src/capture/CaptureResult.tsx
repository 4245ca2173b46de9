import { Card } from "../components/Card";
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
      <dl className="facts">
        <Fact name="record_id" value={capture?.window.recordId} />
        <Fact name="capture_id" value={capture?.window.captureId} />
        <Fact
          name="Artifact hash"
          value={capture?.state.hash}
          hint="A fingerprint of the file with the landmarks: the same file always has the same one."
        />
      </dl>
      {capture && recorded && <LandmarkPicture key={capture.window.captureId} captureId={capture.window.captureId} />}
    </Card>
  );
}

interface FactProps {
  readonly name: string;
  readonly value: string | null | undefined;
  readonly hint?: string;
}

function Fact({ name, value, hint }: FactProps) {
  return (
    <div className={hint ? "fact-wide" : undefined}>
      <dt>{name}</dt>
      <dd className={value ? "code" : "absent"}>{value ?? "none yet"}</dd>
      {hint && <dd className="field-hint">{hint}</dd>}
    </div>
  );
}
