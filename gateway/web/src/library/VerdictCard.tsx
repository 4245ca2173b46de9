import { useState, type RefObject } from "react";

import { advice, reasonOf, serverDoubts } from "../capture/quality";
import { Button } from "../components/Button";
import { Card } from "../components/Card";
import { Dialog } from "../components/Dialog";
import { Field } from "../components/Field";
import { remember, remembered } from "../session/remembered";
import type { Action, Statement } from "./actions";
import type { LibraryCapture } from "./api";
import { wordsOf } from "./useJudging";
import type { Performer } from "./usePerformer";
import { WordText } from "./WordText";
import { QUALITY, qualitySentence, REVIEW, wordFor } from "./words";

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
    <Card title="Is it good?">
      <Doubts capture={capture} />
      <p>
        Your verdict: <WordText word={wordFor(REVIEW, review)} />
      </p>
      <div className="actions verdicts">
        {choice("keep", "k", "Keep")}
        {choice("redo", "r", "Record again")}
        <Button
          tone="quiet"
          pressed={review === "reject"}
          shortcut={keys ? "x" : undefined}
          onClick={() => onJudge("reject")}
        >
          Reject …
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
          <span>You said “{wordsOf(last.action, last.capture)}”.</span>{" "}
          <Button tone="quiet" shortcut={keys ? "u" : undefined} onClick={onUndo}>
            Undo
          </Button>
        </p>
      )}
      <div ref={performerField}>
        <Field
          label="You (performer_id)"
          hint="The log keeps who says it."
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
  return (
    <div className="stack doubts">
      <p>
        The server: <WordText word={wordFor(QUALITY, capture.quality?.verdict)} />
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

  function submit() {
    remember("reasons", reason.trim());
    onReject(reason.trim());
  }

  return (
    <Dialog title="Reject this capture?" submit="Reject it" tone="danger" onClose={onClose} onSubmit={submit}>
      <Field
        label="Why? (optional)"
        hint="For example: another person’s hand is in the picture."
        value={reason}
        onChange={setReason}
        suggestions={remembered("reasons")}
        maxLength={REASON_CHARACTERS}
      />
    </Dialog>
  );
}
