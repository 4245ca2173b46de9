import { CameraChoice } from "../camera/CameraChoice";
import { CaptureWarnings } from "../capture/CaptureFailures";
import { ConnectionLine } from "../capture/ConnectionLine";
import { Button } from "../components/Button";
import { ErrorBanner } from "../components/ErrorBanner";
import { Page } from "../components/Page";
import { HandsFree } from "../handsfree/HandsFree";
import { UndeliveredBanner } from "../library/UndeliveredBanner";
import type { Words } from "../words";
import { useWords } from "../words";
import type { Sitting } from "./address";
import type { Loaded } from "./api";
import { ConsentView } from "./ConsentView";
import { Controls } from "./Controls";
import type { Step } from "./flow";
import { FramingView, Outline } from "./FramingView";
import { promptOf } from "./plan";
import { ProgressLine } from "./Progress";
import { PromptView } from "./PromptView";
import { RecordStage } from "./RecordStage";
import { BreakView, DoneView } from "./RestViews";
import { useFraming } from "./useFraming";
import { useSitting, type SittingHandle } from "./useSitting";
import { VerdictView } from "./VerdictView";

/** The steps that show the camera's picture; it stays in its place from one to the next. */
const WITH_CAMERA: ReadonlySet<Step> = new Set([
  "framing",
  "prompt",
  "countdown",
  "recording",
  "checking",
  "verdict",
  "trouble",
]);

/** One sitting of a participant, step after step. */
export function SittingView({ sitting, loaded }: { readonly sitting: Sitting; readonly loaded: Loaded }) {
  const { record } = useWords();
  const handle = useSitting(sitting, loaded);
  const { flow, controls, commands, camera, deliveries } = handle;
  const { step, study, progress } = flow;
  const focused = WITH_CAMERA.has(step);
  return (
    <Page title={study.title} focused={focused}>
      <div className={focused ? "record record-focused" : "record"} data-step={step}>
        {step !== "consent" && <ProgressLine progress={progress} />}
        <p className="visually-hidden" role="status" aria-label={record.title}>
          {announced(handle, record)}
        </p>
        {focused ? <CameraSteps handle={handle} /> : <OtherSteps handle={handle} />}
        <UndeliveredBanner key={flow.captureId} deliveries={deliveries} />
        <Controls step={step} controls={controls} commands={commands} />
        <HandsFree commands={controls} stream={camera.stream} untilRest={study.until_rest} />
      </div>
    </Page>
  );
}

function OtherSteps({ handle }: { readonly handle: SittingHandle }) {
  const { flow } = handle;
  if (flow.step === "consent") return <ConsentView {...handle} />;
  return flow.step === "break" ? <BreakView flow={flow} /> : <DoneView {...handle} />;
}

function CameraSteps({ handle }: { readonly handle: SittingHandle }) {
  const { flow, camera, video, recording } = handle;
  const { step, study } = flow;
  const capture = recording.capture?.state ?? null;
  const framing = useFraming(video, step === "framing" && camera.status === "ready");
  return (
    <>
      <Alerts handle={handle} />
      <div className="record-place">
        {step === "framing" ? <FramingView {...framing} /> : <Beside handle={handle} />}
        <div className="record-camera">
          <RecordStage step={step} camera={camera} video={video} capture={capture} seconds={study.seconds}>
            {step === "framing" && <Outline ready={framing.ready} />}
          </RecordStage>
          {step === "framing" && <CameraChoice camera={camera} />}
        </div>
      </div>
    </>
  );
}

/** What is wrong; always in one place, so that screen readers read it once. */
function Alerts({ handle: { flow, camera, recording } }: { readonly handle: SittingHandle }) {
  const { record } = useWords();
  return (
    <>
      <ErrorBanner failure={flow.failure} />
      <ErrorBanner failure={camera.failure}>
        <Button tone="quiet" onClick={() => void camera.start()}>
          {record.camera.again}
        </Button>
      </ErrorBanner>
      <CaptureWarnings camera={camera} handle={recording} />
      <ConnectionLine state={recording.capture?.state ?? null} />
    </>
  );
}

/** What is beside the picture. */
function Beside({ handle: { flow, recording } }: { readonly handle: SittingHandle }) {
  const { record } = useWords();
  const { step, take } = flow;
  const capture = recording.capture?.state;
  if (step === "verdict" && capture) return <VerdictView take={take} capture={capture} />;
  return <PromptView {...flow} words={leadOf(step, record)} listens={step === "prompt" && flow.study.read_aloud} />;
}

function leadOf(step: Step, record: Words["record"]): string {
  switch (step) {
    case "countdown":
      return record.getReady;
    case "recording":
      return record.recording;
    case "checking":
      return record.checking;
    case "trouble":
      return record.trouble;
    default:
      return record.show;
  }
}

/** What a screen reader is told when the step changes. */
function announced({ flow }: SittingHandle, record: Words["record"]): string {
  const { step, study, prompt, take, progress } = flow;
  switch (step) {
    case "framing":
      return record.framing.title;
    case "prompt":
      return `${record.show} ${promptOf(study, prompt).text}`;
    case "verdict":
      return take.counts ? record.good : record.again;
    case "break":
      return record.breaking.title;
    case "done":
      return progress.remaining.length > 0 ? record.done.early : record.done.title;
    case "consent":
      return "";
    default:
      return leadOf(step, record);
  }
}
