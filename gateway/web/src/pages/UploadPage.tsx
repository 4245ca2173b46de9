import { useLeaveWarning } from "../capture/useLeaveWarning";
import { Button } from "../components/Button";
import { Card } from "../components/Card";
import { ErrorBanner } from "../components/ErrorBanner";
import { Page } from "../components/Page";
import { Link } from "../navigation";
import { SessionCard } from "../session/SessionCard";
import { JobList } from "../upload/JobList";
import { useVideoProcessor } from "../upload/useVideoProcessor";
import { VideoForm } from "../upload/VideoForm";
import "../styles/upload.css";

const LEAVE = "A video is being uploaded. If you leave this page, the upload is cancelled. Leave the page?";
const WAIT = "Wait until the upload is done, or cancel it.";

/** The page for uploading videos. */
export function UploadPage() {
  const { available, failure, check, jobs, submit, cancel } = useVideoProcessor();
  const uploading = jobs.some(({ stage }) => stage === "uploading");
  useLeaveWarning(uploading, LEAVE);
  return (
    <Page title="Upload a video" lead="The server keeps the same numbers from a short video as from a capture.">
      <ErrorBanner failure={failure}>
        <Button onClick={check}>Try again</Button>
      </ErrorBanner>
      {available === null && !failure && <p>Asking the server whether it accepts videos …</p>}
      {available === false && <NotThere />}
      {available && (
        <>
          <SessionCard endBlocked={uploading ? WAIT : undefined} />
          <Card title="The video">
            <VideoForm onSubmit={(...given) => void submit(...given)} />
          </Card>
          <Card title="Your videos">
            {jobs.length > 0 && <p>If you leave the page, you lose this list, but not your recordings.</p>}
            <JobList jobs={jobs} onCancel={cancel} />
          </Card>
        </>
      )}
    </Page>
  );
}

function NotThere() {
  return (
    <Card title="Not on this server yet">
      <p>This server does not accept videos yet. Nothing is wrong with your video.</p>
      <p>
        <Link className="button button-primary" to="/live">
          Open the live view instead
        </Link>
      </p>
    </Card>
  );
}
