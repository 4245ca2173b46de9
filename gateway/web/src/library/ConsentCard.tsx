import { useState } from "react";

import { Button } from "../components/Button";
import { Card } from "../components/Card";
import { Dialog } from "../components/Dialog";
import type { Action } from "./actions";
import type { LibraryCaptureWithHistory } from "./api";
import { isBeingErased } from "./useLibraryCapture";
import { WordText } from "./WordText";
import { CONSENT, wordFor } from "./words";

export interface ConsentCardProps {
  readonly capture: LibraryCaptureWithHistory;
  /** Whether a withdrawal is on its way to the server. */
  readonly busy: boolean;
  readonly onSay: (action: Action) => void;
}

/** Whether the person agrees to the capture, and the buttons with which they take that back. Nothing undoes them. */
export function ConsentCard({ capture, busy, onSay }: ConsentCardProps) {
  const [asked, setAsked] = useState<"withdraw" | "erase" | null>(null);
  const withdrawn = capture.state === "withdrawn";
  if (capture.state === "erased") return null;
  return (
    <Card title="Consent">
      <p>
        The person agreed to it: <WordText word={wordFor(CONSENT, capture.consent)} />
      </p>
      <p className="field-hint">
        {withdrawn
          ? "Its file is still on the server’s disk."
          : "If the person does not want it any more, withdraw it: no page shows it and no export has it from then on."}
      </p>
      <div className="actions">
        {!withdrawn && (
          <Button tone="quiet" busy={busy} onClick={() => setAsked("withdraw")}>
            Withdraw …
          </Button>
        )}
        {!isBeingErased(capture) && (
          <Button tone="quiet" busy={busy} onClick={() => setAsked("erase")}>
            {withdrawn ? "Erase its file …" : "Withdraw and erase …"}
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
  return (
    <Dialog
      title={erase ? "Erase this capture?" : "Withdraw this capture?"}
      submit={erase ? "Erase it" : "Withdraw it"}
      tone="danger"
      onClose={onClose}
      onSubmit={onConfirm}
    >
      <p>
        {erase
          ? "The server removes the file with the landmarks within a minute. Its log keeps that there was a capture, but nothing that shows the person."
          : "From now on no page shows it and no export has it. The file stays on the server until it is erased."}
      </p>
      <p>
        <strong>This cannot be undone.</strong>
      </p>
    </Dialog>
  );
}
