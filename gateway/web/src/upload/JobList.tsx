import { LandmarkPicture } from "../capture/LandmarkPicture";
import { advice, happened, serverDoubts } from "../capture/quality";
import { Button } from "../components/Button";
import { Copyable } from "../components/Copyable";
import { ErrorBanner } from "../components/ErrorBanner";
import { StatusText, type Tone } from "../components/StatusText";
import { addressOf } from "../library/api";
import { Link } from "../navigation";
import { useWords } from "../words";
import { ProgressBar } from "./ProgressBar";
import type { Job } from "./useVideoProcessor";

export interface JobListProps {
  /** The jobs, in the order in which they are shown. */
  readonly jobs: readonly Job[];
  readonly onCancel: (key: string) => void;
}

const TONES: Readonly<Record<Job["stage"], Tone>> = {
  uploading: "busy",
  queued: "busy",
  running: "busy",
  done: "active",
  failed: "error",
};

/** The videos of this page, and the outcome of each. */
export function JobList({ jobs, onCancel }: JobListProps) {
  const { jobs: words } = useWords().upload;
  if (jobs.length === 0) return <p>{words.none}</p>;
  return (
    <ul className="jobs" aria-label={words.label}>
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
  const { jobs: words } = useWords().upload;
  const doubts = serverDoubts(report?.quality);
  return (
    <>
      <StatusText label={name} tone={doubts.length > 0 ? "warning" : TONES[stage]}>
        {doubts.length > 0 ? words.doubtful(happened(doubts)) : words[stage]}
      </StatusText>
      {doubts.length > 0 && <p className="note">{advice(doubts)}</p>}
      {stage === "uploading" && <ProgressBar label={words.uploadingBar} of={name} share={progress} />}
      {stage === "queued" && <ProgressBar label={words.queuedBar} of={name} share={null} />}
      {stage === "running" && <ProgressBar label={words.runningBar} of={name} share={progress} />}
      <ErrorBanner failure={failure} />
      {stage === "uploading" && (
        <div className="actions">
          <Button tone="quiet" onClick={onCancel}>
            {words.cancel}
          </Button>
        </div>
      )}
      {report && captureId && <Result captureId={captureId} report={report} />}
    </>
  );
}

function Result({ captureId, report }: { readonly captureId: string; readonly report: NonNullable<Job["report"]> }) {
  const { jobs: words } = useWords().upload;
  return (
    <>
      <LandmarkPicture captureId={captureId} note={words.note} />
      <p>
        <Link to={addressOf({ capture_id: captureId })}>{words.look}</Link>
      </p>
      <details className="folded">
        <summary>{words.names}</summary>
        <dl className="facts">
          <Copyable name="record_id" value={report.record_id} />
          <Copyable name="capture_id" value={captureId} />
          <Copyable name={words.hash} value={report.raw_features_ref?.hash ?? ""} />
        </dl>
      </details>
    </>
  );
}
