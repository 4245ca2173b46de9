import { useEffect, useState } from "react";

import { Button } from "../components/Button";
import { Card } from "../components/Card";
import { ErrorBanner } from "../components/ErrorBanner";
import { Page } from "../components/Page";
import { counted } from "../library/actions";
import type { LibraryCapture } from "../library/api";
import { useMoving } from "../library/movement";
import { PersonCapture } from "../library/PersonCapture";
import { queryOf } from "../library/query";
import { useCaptureList } from "../library/useCaptureList";
import { useWithdrawal } from "../library/useWithdrawal";
import { WithdrawDialog, type WithdrawDialogProps } from "../library/WithdrawDialog";
import { labelText, moment } from "../library/words";
import type { PathParameters } from "../routes";
import "../styles/library.css";

const AT_FIRST = 24;

/** What is kept of one person, in plain words, for that person; they can withdraw one capture, or all. */
export function PersonPage({ parameters: { user_id: userId = "" } }: { readonly parameters: PathParameters }) {
  const { list, state } = useCaptureList(queryOf({ participant: userId }), { fresh: true });
  const { captures, total, failure } = state;
  const withdrawal = useWithdrawal(list, state, userId);
  const [asking, setAsking] = useState<LibraryCapture | "all" | null>(null);
  const [most, setMost] = useState(AT_FIRST);
  const [moving, setMoving] = useMoving();

  useEffect(() => {
    void list.loadAll();
  }, [list]);

  function withdraw(erase: boolean): void {
    const what = asking === "all" || asking === null ? { user_id: userId } : asking;
    setAsking(null);
    void withdrawal.withdraw(what, erase);
  }

  const left = (["kept", "withdrawn"] as const).find((one) => captures.some((capture) => capture.state === one));
  const question = asking && questionAbout(asking, userId, left);
  return (
    <Page title={`What is kept of ${userId}`} lead="For this person, and for the people who care for them.">
      <ErrorBanner failure={failure ?? withdrawal.failure}>
        {failure && (
          <Button tone="quiet" onClick={() => void list.loadAll()}>
            Try again
          </Button>
        )}
      </ErrorBanner>
      <Card title="In short">
        <p role="status">{withdrawal.words || shortWords(captures, total)}</p>
        <p>
          Each capture is a list of numbers: where the body, the face and the hands were. The pictures of the camera
          were never kept.
        </p>
        <p>You may say no at any time, for one capture or for all, and you need not say why.</p>
        <div className="actions">
          <Button
            tone="quiet"
            busy={withdrawal.busy}
            blocked={left ? undefined : "There is nothing left to withdraw."}
            onClick={() => setAsking("all")}
          >
            {left === "withdrawn" ? "Erase everything" : "Withdraw everything"}
          </Button>
        </div>
      </Card>
      {captures.length > 0 && (
        <Card title="The captures">
          <p className="takes-tools">
            <button type="button" className="text-button" onClick={() => setMoving(!moving)}>
              {moving ? "Stop the movement" : "Show the movement"}
            </button>
          </p>
          <ul className="kept-list" aria-label="Captures">
            {captures.slice(0, most).map((capture) => (
              <PersonCapture
                key={capture.capture_id}
                capture={capture}
                moving={moving}
                busy={withdrawal.busy}
                onWithdraw={() => setAsking(capture)}
              />
            ))}
          </ul>
          {captures.length > most && (
            <div className="actions">
              <Button tone="quiet" onClick={() => setMost(most + AT_FIRST)}>
                Show more
              </Button>
            </div>
          )}
        </Card>
      )}
      {question && <WithdrawDialog {...question} onWithdraw={withdraw} onClose={() => setAsking(null)} />}
    </Page>
  );
}

type Question = Pick<WithdrawDialogProps, "title" | "what" | "withdrawn" | "detail">;

/** What the dialog asks about one capture, or about all: to withdraw them, or only to erase what is withdrawn. */
function questionAbout(asking: LibraryCapture | "all", userId: string, left: string | undefined): Question {
  const withdrawn = (asking === "all" ? left : asking.state) === "withdrawn";
  const verb = withdrawn ? "Erase" : "Withdraw";
  if (asking === "all") return { title: `${verb} everything of ${userId}?`, what: "everything", withdrawn };
  return {
    title: `${verb} “${labelText(asking.label)}”?`,
    what: "1 capture",
    withdrawn,
    detail: `Recorded on ${moment(asking.timestamp_start)}.`,
  };
}

/** "20 captures are kept, 2 are withdrawn, 1 is erased." */
function shortWords(captures: readonly LibraryCapture[], total: number | null): string {
  if (total === null) return "Looking …";
  if (captures.length === 0) return "Nothing is kept.";
  const count = (state: LibraryCapture["state"]) => captures.filter((capture) => capture.state === state).length;
  const parts = [
    [count("kept"), "kept"],
    [count("withdrawn"), "withdrawn"],
    [count("erased"), "erased"],
  ] as const;
  const words = parts
    .filter(([number]) => number > 0)
    .map(([number, word]) => `${number} ${number === 1 ? "is" : "are"} ${word}`);
  return `Of ${counted(captures.length)}, ${words.join(", ")}.`;
}
