import { Button } from "../components/Button";
import { ErrorBanner } from "../components/ErrorBanner";
import { setQuery } from "../navigation";
import { useWords } from "../words";
import type { Flow } from "./flow";
import { Icon } from "./Icon";
import { Meanings } from "./Progress";
import type { SittingHandle } from "./useSitting";

/** A break: the camera is off, and nothing counts down. */
export function BreakView({ flow: { study, progress } }: { readonly flow: Flow }) {
  const { breaking } = useWords().record;
  return (
    <div className="record-rest">
      <span className="record-sign">
        <Icon name="rest" />
      </span>
      <h2>{breaking.title}</h2>
      <p>{breaking.text}</p>
      <Meanings study={study} progress={progress} />
    </div>
  );
}

/** The end of a sitting, and of the study if nothing is left. */
export function DoneView({ flow: { study, progress }, session }: Pick<SittingHandle, "flow" | "session">) {
  const { record } = useWords();
  const { done } = record;
  const left = progress.remaining.length;
  return (
    <div className="record-rest">
      <span className="record-sign">
        <Icon name="keep" />
      </span>
      <h2>{left > 0 ? done.early : done.title}</h2>
      <p>{left > 0 ? `${done.left(left)} ${done.later}` : done.text}</p>
      <ErrorBanner failure={session.failure}>
        <Button tone="quiet" onClick={() => void session.end()}>
          {done.end}
        </Button>
      </ErrorBanner>
      {session.pending === "end" && <p>{done.ending}</p>}
      <Meanings study={study} progress={progress} />
      <div className="actions">
        <Button tone="quiet" onClick={() => setQuery("")}>
          {record.choose.other}
        </Button>
      </div>
    </div>
  );
}
