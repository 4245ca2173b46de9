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

const LEAVE = "A video is being uploaded. If you leave this page, it is not kept. Leave all the same?";
const WAIT = "Wait until the upload is done, or cancel it.";

/** A video instead of a camera. */
export function UploadPage() {
  const { available, failure, check, jobs, submit, cancel } = useVideoProcessor();
  const uploading = jobs.some(({ stage }) => stage === "uploading");
  useLeaveWarning(uploading, LEAVE);
  return (
    <Page title="Upload a video" lead="A short video becomes the same features as a capture by camera.">
      <ErrorBanner failure={failure}>
        <Button onClick={check}>Try again</Button>
      </ErrorBanner>
      {available === null && !failure && <p>Asking the server whether it takes videos …</p>}
      {available === false && <NotThere />}
      {available && (
        <>
          <SessionCard endBlocked={uploading ? WAIT : undefined} />
          <Card title="The video">
            <VideoForm onSubmit={(...given) => void submit(...given)} />
          </Card>
          <Card title="Your videos">
            {jobs.length > 0 && <p>This list is gone when you leave the page; what is recorded is not.</p>}
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
      <p>
        This server cannot take videos yet. Nothing is wrong with your video, and there is nothing that you can do here.
      </p>
      <p>
        <Link className="button button-primary" to="/live">
          See what the camera sees instead
        </Link>
      </p>
    </Card>
  );
}
