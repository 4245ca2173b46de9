import { useState, type RefObject } from "react";

import { advice, reasonOf, serverDoubts } from "../capture/quality";
import { Button } from "../components/Button";
import { Card } from "../components/Card";
import { Dialog } from "../components/Dialog";
import { Field } from "../components/Field";
import { remember, remembered } from "../session/remembered";
import { useWords } from "../words";
import type { Action, Statement } from "./actions";
import type { LibraryCapture } from "./api";
import { wordsOf } from "./useJudging";
import type { Performer } from "./usePerformer";
import { WordText } from "./WordText";
import { qualitySentence, wordFor } from "./words";

const REASON_CHARACTERS = 1000;

export interface VerdictCardProps {
  readonly capture: LibraryCapture;
  /** What the person said last and can undo. */
  readonly last: Statement | null;
  readonly performer: Performer;
  /** The element with the field for the performer, so that the page can move the focus there. */
  readonly performerField: RefObject<HTMLDivElement | null>;
  /** Whether the keys work, so that the buttons name them. */
  readonly keys: boolean;
  /** Whether the page asks why the capture is to be rejected. */
  readonly rejecting: boolean;
  readonly onRejecting: (open: boolean) => void;
  readonly onJudge: (verdict: "keep" | "redo" | "reject") => void;
  readonly onSay: (action: Action) => void;
  readonly onUndo: () => void;
}

/** What the server and the people think of a capture, and the buttons with which a person judges it. */
export function VerdictCard(props: VerdictCardProps) {
  const { capture, last, performer, performerField, keys, rejecting, onRejecting, onJudge, onSay, onUndo } = props;
  const { review } = capture;
  const { library, libraryCapture } = useWords();
  const { verdict: texts } = libraryCapture;

  function choice(verdict: "keep" | "redo", shortcut: string, name: string) {
    return (
      <Button
        tone="quiet"
        pressed={review === verdict}
        shortcut={keys ? shortcut : undefined}
        onClick={() => onJudge(verdict)}
      >
        {name}
      </Button>
    );
  }

  return (
    <Card title={texts.title}>
      <Doubts capture={capture} />
      <p>
        {texts.yours} <WordText word={wordFor("review", review)} />
      </p>
      <div className="actions verdicts">
        {choice("keep", "k", library.bulk.keep)}
        {choice("redo", "r", library.bulk.redo)}
        <Button
          tone="quiet"
          pressed={review === "reject"}
          shortcut={keys ? "x" : undefined}
          onClick={() => onJudge("reject")}
        >
          {texts.reject}
        </Button>
      </div>
      {rejecting && (
        <RejectDialog
          onClose={() => onRejecting(false)}
          onReject={(reason) => {
            onRejecting(false);
            onSay({ kind: "review", verdict: "reject", ...(reason ? { reason } : {}) });
          }}
        />
      )}
      {last && (
        <p className="undo">
          <span>{texts.said(wordsOf(last.action, last.capture))}</span>{" "}
          <Button tone="quiet" shortcut={keys ? "u" : undefined} onClick={onUndo}>
            {library.bulk.undo}
          </Button>
        </p>
      )}
      <div ref={performerField}>
        <Field
          label={library.performer.label}
          hint={library.performer.hint}
          value={performer.id}
          onChange={performer.set}
          error={performer.fault}
          suggestions={remembered("performers")}
          maxLength={128}
          required
        />
      </div>
    </Card>
  );
}

/** The verdict with a reason that the page knows: for “record again”, what the server doubts. */
export function reviewAction({ quality }: Pick<LibraryCapture, "quality">, verdict: "keep" | "redo"): Action {
  const reason = verdict === "redo" ? reasonOf(doubtsOf({ quality })) : "";
  return { kind: "review", verdict, ...(reason ? { reason } : {}) };
}

function doubtsOf({ quality }: Pick<LibraryCapture, "quality">) {
  return serverDoubts({ reasons: quality?.reasons ?? [] });
}

function Doubts({ capture }: { readonly capture: LibraryCapture }) {
  const doubts = doubtsOf(capture);
  const { verdict: texts } = useWords().libraryCapture;
  return (
    <div className="stack doubts">
      <p>
        {texts.server} <WordText word={wordFor("quality", capture.quality?.verdict)} />
      </p>
      <p>{qualitySentence(capture)}</p>
      {doubts.length > 0 && <p className="field-hint">{advice(doubts)}</p>}
    </div>
  );
}

interface RejectDialogProps {
  readonly onReject: (reason: string) => void;
  readonly onClose: () => void;
}

function RejectDialog({ onReject, onClose }: RejectDialogProps) {
  const [reason, setReason] = useState("");
  const { verdict: texts } = useWords().libraryCapture;

  function submit() {
    remember("reasons", reason.trim());
    onReject(reason.trim());
  }

  return (
    <Dialog title={texts.rejectTitle} submit={texts.rejectSubmit} tone="danger" onClose={onClose} onSubmit={submit}>
      <Field
        label={texts.why}
        hint={texts.whyHint}
        value={reason}
        onChange={setReason}
        suggestions={remembered("reasons")}
        maxLength={REASON_CHARACTERS}
      />
    </Dialog>
  );
}
