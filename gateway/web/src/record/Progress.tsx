import type { Study, StudyProgress } from "../api/messages";
import { useWords } from "../words";
import { doneInAll, meanings } from "./plan";

export interface ProgressProps {
  readonly study: Study;
  readonly progress: StudyProgress;
}

/** How far the person is in all. */
export function ProgressLine({ progress }: Pick<ProgressProps, "progress">) {
  const { record } = useWords();
  const done = doneInAll(progress);
  return (
    <div className="record-progress">
      <progress aria-label={record.progress} max={progress.wanted} value={done} />
      <span>{record.inAll(done, progress.wanted)}</span>
    </div>
  );
}

/** How many takes of each gesture are kept. */
export function Meanings({ study, progress }: ProgressProps) {
  const { record } = useWords();
  return (
    <ul className="record-meanings" aria-label={record.meanings} lang={study.language ?? undefined}>
      {meanings(study, progress).map(({ prompt, kept, wanted }) => (
        <li key={prompt.prompt} className={kept === wanted ? "record-meaning-done" : undefined}>
          <span>{prompt.text}</span>
          <Dots kept={kept} wanted={wanted} />
        </li>
      ))}
    </ul>
  );
}

const MOST_DOTS = 10;

/** “2 of 3” as filled and empty dots; as numbers if there are many. */
export function Dots({ kept, wanted }: { readonly kept: number; readonly wanted: number }) {
  const { record } = useWords();
  const words = record.ofThis(kept, wanted);
  if (wanted > MOST_DOTS) return <span className="record-dots">{record.inAll(kept, wanted)}</span>;
  return (
    <span className="record-dots" role="img" aria-label={words}>
      {Array.from({ length: wanted }, (_, index) => (
        <span key={index} className={index < kept ? "dot dot-full" : "dot"} />
      ))}
    </span>
  );
}
