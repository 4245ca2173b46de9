import { LandmarkPicture } from "../capture/LandmarkPicture";
import { advice, happened, serverDoubts } from "../capture/quality";
import { Button } from "../components/Button";
import { Copyable } from "../components/Copyable";
import { ErrorBanner } from "../components/ErrorBanner";
import { StatusText, type Tone } from "../components/StatusText";
import { addressOf } from "../library/api";
import { Link } from "../navigation";
import { ProgressBar } from "./ProgressBar";
import type { Job } from "./useVideoProcessor";

export interface JobListProps {
  /** The jobs, in the order in which they are shown. */
  readonly jobs: readonly Job[];
  readonly onCancel: (key: string) => void;
}

const STAGES: Readonly<Record<Job["stage"], readonly [Tone, string]>> = {
  uploading: ["busy", "being uploaded"],
  queued: ["busy", "waiting for its turn"],
  running: ["busy", "being processed"],
  done: ["active", "recorded"],
  failed: ["error", "not recorded"],
};

/** The videos of this page, and the outcome of each. */
export function JobList({ jobs, onCancel }: JobListProps) {
  if (jobs.length === 0) return <p>No video yet.</p>;
  return (
    <ul className="jobs" aria-label="Videos">
      {jobs.map((job) => (
        <li key={job.key} className="job stack">
          <JobView job={job} onCancel={() => onCancel(job.key)} />
        </li>
      ))}
    </ul>
  );
}

function JobView({ job, onCancel }: { readonly job: Job; readonly onCancel: () => void }) {
  const { name, stage, progress, captureId, failure, report } = job;
  const [tone, words] = STAGES[stage];
  const doubts = serverDoubts(report?.quality);
  return (
    <>
      <StatusText label={name} tone={doubts.length > 0 ? "warning" : tone}>
        {doubts.length > 0 ? `recorded. ${happened(doubts)}` : words}
      </StatusText>
      {doubts.length > 0 && <p className="note">{advice(doubts)}</p>}
      {stage === "uploading" && <ProgressBar label="Uploading" of={name} share={progress} />}
      {stage === "queued" && <ProgressBar label="Waiting for its turn" of={name} share={null} />}
      {stage === "running" && <ProgressBar label="Finding landmarks" of={name} share={progress} />}
      <ErrorBanner failure={failure} />
      {stage === "uploading" && (
        <div className="actions">
          <Button tone="quiet" onClick={onCancel}>
            Cancel the upload
          </Button>
        </div>
      )}
      {report && captureId && <Result captureId={captureId} report={report} />}
    </>
  );
}

function Result({ captureId, report }: { readonly captureId: string; readonly report: NonNullable<Job["report"]> }) {
  return (
    <>
      <LandmarkPicture captureId={captureId} note="The pictures of the video are not kept here." />
      <p>
        <Link to={addressOf({ capture_id: captureId })}>Look at it in the library</Link>
      </p>
      <details className="folded">
        <summary>Names</summary>
        <dl className="facts">
          <Copyable name="record_id" value={report.record_id} />
          <Copyable name="capture_id" value={captureId} />
          <Copyable name="Artifact hash" value={report.raw_features_ref?.hash ?? ""} />
        </dl>
      </details>
    </>
  );
}
