import type { Study, StudyProgress } from "../api/messages";
import { Button } from "../components/Button";
import { useWords } from "../words";
import { Icon } from "./Icon";
import { meaningOf, promptOf } from "./plan";
import { Dots } from "./Progress";
import { speak } from "./speech";
import { usePicture } from "./usePicture";

export interface PromptViewProps {
  readonly study: Study;
  readonly progress: StudyProgress;
  /** The id of the prompt. */
  readonly prompt: string;
  /** What to say above the prompt. */
  readonly words: string;
  /** Whether to offer to read it aloud. */
  readonly listens: boolean;
}

/** What the person is asked to show: large, with its picture. */
export function PromptView({ study, progress, prompt, words, listens }: PromptViewProps) {
  const { record } = useWords();
  const { kept, wanted, prompt: asked } = meaningOf(study, progress, promptOf(study, prompt));
  const picture = usePicture(asked.picture);
  return (
    <div className="record-prompt">
      <p className="record-lead">{words}</p>
      <h2 lang={study.language ?? undefined}>{asked.text}</h2>
      {picture && <img src={picture} alt={record.picture} />}
      <div className="record-asked">
        <Dots kept={kept} wanted={wanted} />
        {listens && (
          <Button tone="quiet" onClick={() => speak(asked.say ?? asked.text, study.language)}>
            <Icon name="listen" /> {record.listen}
          </Button>
        )}
      </div>
    </div>
  );
}
