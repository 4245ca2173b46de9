import type { CaptureState } from "../capture/protocol";
import { advice } from "../capture/quality";
import { useWords } from "../words";
import type { Take } from "./flow";
import { Icon } from "./Icon";
import { judgementOf } from "./judgement";

export interface VerdictViewProps {
  readonly take: Take;
  readonly capture: CaptureState;
}

/** What the study's rule says of a take, in a person's words. */
export function VerdictView({ take, capture }: VerdictViewProps) {
  const { record } = useWords();
  const { doubts, bounds } = judgementOf(take, capture);
  // a doubt says more than a number; without one, the study's own bounds are all that is wrong
  const told =
    doubts.length > 0 ? doubts.map(({ happened }) => happened) : bounds.map((bound) => record.bounds[boundOf(bound)]);
  const sentences = [...new Set(told)];
  return (
    <div className={take.counts ? "record-verdict record-verdict-good" : "record-verdict"}>
      <span className="record-sign">
        <Icon name={take.counts ? "keep" : "again"} />
      </span>
      <h2>{take.counts ? record.good : record.again}</h2>
      {sentences.map((sentence) => (
        <p key={sentence}>{sentence}</p>
      ))}
      {doubts.length > 0 && <p className="record-advice">{advice(doubts)}</p>}
    </div>
  );
}

/** What a number of the quality is about, by its path, such as `found.any_hand`. */
export function boundOf(path: string): "seen" | "lost" | "outside" | "moved" | "pictures" {
  const kind = path.split(".", 1).join();
  return KINDS[kind] ?? "pictures";
}

const KINDS: Readonly<Record<string, "seen" | "lost" | "outside" | "moved">> = {
  found: "seen",
  longest_gap_ms: "lost",
  outside: "outside",
  moved: "moved",
};
