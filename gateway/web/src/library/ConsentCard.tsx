import { useState } from "react";

import { useMay } from "../api/token";
import { Button } from "../components/Button";
import { Card } from "../components/Card";
import { Dialog } from "../components/Dialog";
import { useWords } from "../words";
import type { Action } from "./actions";
import type { LibraryCaptureWithHistory } from "./api";
import { isBeingErased } from "./useLibraryCapture";
import { WordText } from "./WordText";
import { wordFor } from "./words";

export interface ConsentCardProps {
  readonly capture: LibraryCaptureWithHistory;
  /** Whether a withdrawal is on its way to the server. */
  readonly busy: boolean;
  readonly onSay: (action: Action) => void;
}

/** Whether the person agrees to the capture, and the buttons with which they take that back. Nothing undoes them. */
export function ConsentCard({ capture, busy, onSay }: ConsentCardProps) {
  const [asked, setAsked] = useState<"withdraw" | "erase" | null>(null);
  const { consent: texts } = useWords().libraryCapture;
  const mayWithdraw = useMay()("withdraw");
  const withdrawn = capture.state === "withdrawn";
  if (capture.state === "erased") return null;
  return (
    <Card title={texts.title}>
      <p>
        {texts.agreed} <WordText word={wordFor("consent", capture.consent)} />
      </p>
      {(withdrawn || mayWithdraw) && <p className="field-hint">{withdrawn ? texts.onDisk : texts.hint}</p>}
      <div className="actions">
        {mayWithdraw && !withdrawn && (
          <Button tone="quiet" busy={busy} onClick={() => setAsked("withdraw")}>
            {texts.withdraw}
          </Button>
        )}
        {mayWithdraw && !isBeingErased(capture) && (
          <Button tone="quiet" busy={busy} onClick={() => setAsked("erase")}>
            {withdrawn ? texts.erase : texts.both}
          </Button>
        )}
      </div>
      {asked && (
        <Question
          erase={asked === "erase"}
          onClose={() => setAsked(null)}
          onConfirm={() => {
            setAsked(null);
            onSay({ kind: "withdraw", erase: asked === "erase" });
          }}
        />
      )}
    </Card>
  );
}

interface QuestionProps {
  readonly erase: boolean;
  readonly onClose: () => void;
  readonly onConfirm: () => void;
}

function Question({ erase, onClose, onConfirm }: QuestionProps) {
  const { consent: texts } = useWords().libraryCapture;
  return (
    <Dialog
      title={erase ? texts.eraseTitle : texts.withdrawTitle}
      submit={erase ? texts.eraseSubmit : texts.withdrawSubmit}
      tone="danger"
      onClose={onClose}
      onSubmit={onConfirm}
    >
      <p>{erase ? texts.eraseText : texts.withdrawText}</p>
      <p>
        <strong>{texts.noUndo}</strong>
      </p>
    </Dialog>
  );
}
