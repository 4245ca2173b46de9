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
import { useWords } from "../words";
import "../styles/upload.css";

/** The page for uploading videos. */
export function UploadPage() {
  const { available, failure, check, jobs, submit, cancel } = useVideoProcessor();
  const { upload } = useWords();
  const uploading = jobs.some(({ stage }) => stage === "uploading");
  useLeaveWarning(uploading, upload.leave);
  return (
    <Page title={upload.title} lead={upload.lead}>
      <ErrorBanner failure={failure}>
        <Button onClick={check}>{upload.again}</Button>
      </ErrorBanner>
      {available === null && !failure && <p>{upload.asking}</p>}
      {available === false && <NotThere />}
      {available && (
        <>
          <SessionCard endBlocked={uploading ? upload.wait : undefined} />
          <Card title={upload.formTitle}>
            <VideoForm onSubmit={(...given) => void submit(...given)} />
          </Card>
          <Card title={upload.listTitle}>
            {jobs.length > 0 && <p>{upload.listHint}</p>}
            <JobList jobs={jobs} onCancel={cancel} />
          </Card>
        </>
      )}
    </Page>
  );
}

function NotThere() {
  const { unavailable } = useWords().upload;
  return (
    <Card title={unavailable.title}>
      <p>{unavailable.text}</p>
      <p>
        <Link className="button button-primary" to="/live">
          {unavailable.link}
        </Link>
      </p>
    </Card>
  );
}
