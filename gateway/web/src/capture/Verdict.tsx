import { useLayoutEffect, useId, useRef, useState } from "react";

import { Button } from "../components/Button";
import { useWords } from "../words";
import { advice, reasonOf, type Doubt } from "./quality";

export interface VerdictProps {
  /** The facts of the capture, in one line. */
  readonly line: string;
  readonly doubts: readonly Doubt[];
  /** The meaning of the gesture; empty for none. */
  readonly intent: string;
  /** Takes the person's answer to the question. */
  readonly onReview: (verdict: "keep" | "redo", reason?: string) => void;
  /** Records another capture with the same meaning. */
  readonly onAgain: (() => void) | undefined;
  /** A sentence that says why that is not possible now. */
  readonly againBlocked: string | undefined;
}

/** The verdict on a recorded capture. If there are doubts, it asks the person whether to record it again. */
export function Verdict({ line, doubts, intent, onReview, onAgain, againBlocked }: VerdictProps) {
  const { verdict } = useWords().capture;
  const [kept, setKept] = useState(false);
  const redone = useRef(false);
  const closed = useRef<HTMLParagraphElement>(null);
  useLayoutEffect(() => {
    if (kept) closed.current?.focus(); // the button that had it is gone
  }, [kept]);

  function keep() {
    setKept(true);
    onReview("keep");
  }

  function redo() {
    if (!redone.current) onReview("redo", reasonOf(doubts));
    redone.current = true; // the next capture may fail to begin, and then the button is pressed again
    onAgain?.();
  }

  if (doubts.length > 0 && !kept) {
    return <Question {...{ line, doubts, againBlocked }} onRedo={redo} onKeep={keep} />;
  }
  return (
    <>
      <p className="verdict verdict-good" ref={closed} tabIndex={kept ? -1 : undefined}>
        {kept ? verdict.kept(line) : line}
      </p>
      <div className="actions">
        <Button tone="quiet" blocked={againBlocked} onClick={onAgain}>
          {intent ? verdict.againAs(intent) : verdict.again}
        </Button>
      </div>
    </>
  );
}

interface QuestionProps extends Pick<VerdictProps, "line" | "doubts" | "againBlocked"> {
  readonly onRedo: () => void;
  readonly onKeep: () => void;
}

function Question({ line, doubts, againBlocked, onRedo, onKeep }: QuestionProps) {
  const question = useId();
  const { verdict } = useWords().capture;
  return (
    <div className="verdict verdict-doubt stack" role="group" aria-labelledby={question}>
      <p>{line}</p>
      {doubts.map(({ happened }) => (
        <p key={happened}>{happened}</p>
      ))}
      <p className="verdict-advice">{advice(doubts)}</p>
      <p id={question}>{verdict.question}</p>
      <div className="actions">
        <Button blocked={againBlocked} onClick={onRedo}>
          {verdict.redo}
        </Button>
        <Button tone="quiet" onClick={onKeep}>
          {verdict.keep}
        </Button>
      </div>
    </div>
  );
}
