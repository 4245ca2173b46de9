import { useEffect, useState } from "react";

import { useMay } from "../api/token";
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
import { labelText } from "../library/words";
import type { PathParameters } from "../routes";
import { moment, useWords, words } from "../words";
import "../styles/library.css";

const AT_FIRST = 24;

/** What is kept of one person, in plain words, for that person; they can withdraw one capture, or all. */
export function PersonPage({ parameters: { user_id: userId = "" } }: { readonly parameters: PathParameters }) {
  const { list, state } = useCaptureList(queryOf({ participant: userId }), { fresh: true });
  const { captures, total, failure } = state;
  const { library, person: texts } = useWords();
  const mayWithdraw = useMay()("withdraw");
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
    <Page title={texts.title(userId)} lead={texts.lead}>
      <ErrorBanner failure={failure ?? withdrawal.failure}>
        {failure && (
          <Button tone="quiet" onClick={() => void list.loadAll()}>
            {library.again}
          </Button>
        )}
      </ErrorBanner>
      <Card title={texts.short}>
        <p role="status">{withdrawal.words || shortWords(captures, total)}</p>
        <p>{texts.numbers}</p>
        <p>{texts.rights}</p>
        {mayWithdraw && (
          <div className="actions">
            <Button
              tone="quiet"
              busy={withdrawal.busy}
              blocked={left ? undefined : texts.nothingLeft}
              onClick={() => setAsking("all")}
            >
              {left === "withdrawn" ? texts.eraseAll : texts.withdrawAll}
            </Button>
          </div>
        )}
      </Card>
      {captures.length > 0 && (
        <Card title={texts.captures}>
          <p className="takes-tools">
            <button type="button" className="text-button" onClick={() => setMoving(!moving)}>
              {moving ? library.stopMovement : library.showMovement}
            </button>
          </p>
          <ul className="kept-list" aria-label={library.captures}>
            {captures.slice(0, most).map((capture) => (
              <PersonCapture
                key={capture.capture_id}
                capture={capture}
                moving={moving}
                busy={withdrawal.busy}
                onWithdraw={mayWithdraw ? () => setAsking(capture) : undefined}
              />
            ))}
          </ul>
          {captures.length > most && (
            <div className="actions">
              <Button tone="quiet" onClick={() => setMost(most + AT_FIRST)}>
                {texts.more}
              </Button>
            </div>
          )}
        </Card>
      )}
      {question && <WithdrawDialog {...question} onWithdraw={withdraw} onClose={() => setAsking(null)} />}
    </Page>
  );
}

type Question = Pick<WithdrawDialogProps, "title" | "count" | "withdrawn" | "detail">;

/** What the dialog asks about one capture, or about all: to withdraw them, or only to erase what is withdrawn. */
function questionAbout(asking: LibraryCapture | "all", userId: string, left: string | undefined): Question {
  const withdrawn = (asking === "all" ? left : asking.state) === "withdrawn";
  const { library, person } = words();
  const title = withdrawn ? library.withdraw.eraseTitle : library.withdraw.title;
  if (asking === "all") return { title: title(library.withdraw.everythingOf(userId)), withdrawn };
  return {
    title: title(person.quoted(labelText(asking.label))),
    count: 1,
    withdrawn,
    detail: person.recordedOn(moment(asking.timestamp_start)),
  };
}

/** "20 captures are kept, 2 are withdrawn, 1 is erased." */
function shortWords(captures: readonly LibraryCapture[], total: number | null): string {
  const { person } = words();
  if (total === null) return person.looking;
  if (captures.length === 0) return person.nothing;
  const count = (state: LibraryCapture["state"]) => captures.filter((capture) => capture.state === state).length;
  const parts = [
    [count("kept"), person.isKept],
    [count("withdrawn"), person.isWithdrawn],
    [count("erased"), person.isErased],
  ] as const;
  const shown = parts.filter(([number]) => number > 0).map(([number, inWords]) => inWords(number));
  return person.sum(counted(captures.length), shown.join(", "));
}
