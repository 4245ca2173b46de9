import type { RefObject } from "react";

import { useMay } from "../api/token";
import type { Action, Statement } from "./actions";
import type { LibraryCaptureWithHistory } from "./api";
import { ConsentCard } from "./ConsentCard";
import { CorrectCard } from "./CorrectCard";
import { FactsCard } from "./FactsCard";
import { Gone } from "./Gone";
import { HistoryCard } from "./HistoryCard";
import { MotionCard } from "./MotionCard";
import type { Performer } from "./usePerformer";
import { VerdictCard } from "./VerdictCard";

export interface CaptureCardsProps {
  readonly capture: LibraryCaptureWithHistory;
  /** The labels and people that other captures have. */
  readonly labels: readonly string[];
  readonly people: readonly string[];
  readonly last: Statement | null;
  readonly performer: Performer;
  readonly performerField: RefObject<HTMLDivElement | null>;
  readonly moving: boolean;
  readonly rejecting: boolean;
  readonly keys: boolean;
  readonly busy: boolean;
  readonly onPlay: (playing: boolean) => void;
  readonly onRejecting: (open: boolean) => void;
  readonly onJudge: (verdict: "keep" | "redo" | "reject") => void;
  readonly onSay: (action: Action) => void;
  readonly onUndo: () => void;
  readonly onGone: () => void;
}

/** All that the page of a capture shows of it. Of one that was withdrawn or erased it says what is gone. */
export function CaptureCards({ capture, labels, people, onSay, ...rest }: CaptureCardsProps) {
  const kept = capture.state === "kept";
  const allows = useMay();
  return (
    <>
      <div className={kept ? "one-take" : "stack"}>
        {kept ? (
          <>
            <MotionCard
              captureId={capture.capture_id}
              playing={rest.moving}
              onPlay={rest.onPlay}
              keys={rest.keys}
              onGone={rest.onGone}
            />
            <VerdictCard capture={capture} onSay={onSay} {...rest} />
          </>
        ) : (
          <Gone capture={capture} />
        )}
      </div>
      <FactsCard capture={capture} />
      {kept && allows("correct") && <CorrectCard capture={capture} labels={labels} people={people} onSay={onSay} />}
      <ConsentCard capture={capture} busy={rest.busy} onSay={onSay} />
      <HistoryCard history={capture.history} />
    </>
  );
}
