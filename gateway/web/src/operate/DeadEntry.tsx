import { useId, useState } from "react";

import { ApiError, failureOf, failureWith, type Failure } from "../api/failure";
import type { DeadItem, DeadItemWhole } from "../api/messages";
import { known } from "../api/sentences";
import { Button } from "../components/Button";
import { Dialog } from "../components/Dialog";
import { ErrorBanner } from "../components/ErrorBanner";
import { moment, useWords, words } from "../words";
import type { DeadList } from "./useDeadList";

export interface DeadEntryProps {
  readonly item: DeadItem;
  readonly list: DeadList;
  /** Called when the item has left the list, with what is said then. */
  readonly onGone: (said: "retried" | "dropped") => void;
}

type Step = "show" | "retry" | "ask" | "drop";

/** One item of the list: why it could not be recorded, whose it is, and what can be done with it. */
export function DeadEntry({ item, list, onGone }: DeadEntryProps) {
  const [running, setRunning] = useState<Step | null>(null);
  const [whole, setWhole] = useState<DeadItemWhole | null>(null);
  const [asking, setAsking] = useState<DeadItemWhole | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const id = useId();
  const { operate: texts } = useWords();

  async function run(step: Step, action: () => Promise<void>) {
    setRunning(step);
    setFailure(null);
    try {
      await action();
    } catch (error) {
      setFailure(withDetail(error));
    }
    setRunning(null);
  }

  const show = () => run("show", async () => setWhole(await list.whole(item)));
  const retry = () => run("retry", async () => void (await list.retry(item), onGone("retried")));
  const ask = () => run("ask", async () => setAsking(await list.whole(item)));
  const drop = () => run("drop", async () => void (await list.drop(item), onGone("dropped")));
  const about = <span className="visually-hidden">{texts.of(reasonWords(item.reason), moment(item.dead_at))}</span>;
  return (
    <li className="dead stack">
      <h3 className="dead-reason">{reasonWords(item.reason)}</h3>
      <p className="field-hint">
        {moment(item.dead_at)} <span className="mono">{names(item)}</span>
      </p>
      <p className="mono">{item.detail}</p>
      <ErrorBanner failure={failure} />
      <div className="actions">
        <Button
          tone="quiet"
          busy={running === "show"}
          expanded={whole !== null}
          controls={whole ? id : undefined}
          onClick={whole ? () => setWhole(null) : () => void show()}
        >
          {whole ? texts.hide : texts.show} {about}
        </Button>
        <Button tone="quiet" busy={running === "retry"} onClick={() => void retry()}>
          {texts.retry} {about}
        </Button>
        <Button tone="quiet" busy={running === "ask" || running === "drop"} onClick={() => void ask()}>
          {texts.drop} {about}
        </Button>
      </div>
      {whole && <Whole id={id} whole={whole} />}
      {asking && (
        <Dialog
          title={texts.question.title}
          submit={texts.question.submit}
          tone="danger"
          onClose={() => setAsking(null)}
          onSubmit={() => {
            setAsking(null);
            void drop();
          }}
        >
          <p>
            {texts.question.loss} <span lang="en">{asking.loss}</span>
          </p>
          <p>
            <strong>{texts.question.noUndo}</strong>
          </p>
        </Dialog>
      )}
    </li>
  );
}

function Whole({ id, whole }: { readonly id: string; readonly whole: DeadItemWhole }) {
  const { operate: texts } = useWords();
  return (
    <dl className="dead-whole" id={id}>
      <dt>{texts.happened}</dt>
      <dd lang="en">{whole.explanation}</dd>
      <dt>{texts.advice}</dt>
      <dd lang="en">{whole.advice}</dd>
      <dt>{texts.now}</dt>
      <dd>{whole.refusal === "" ? texts.wouldWork : texts.wouldFail(whole.refusal)}</dd>
      <dt>{texts.whole}</dt>
      <dd>
        <code className="dead-content">{whole.content}</code>
      </dd>
    </dl>
  );
}

/** The reason in words; its code, if this version of the page does not know it. */
function reasonWords(reason: string): string {
  const { reasons, otherReason } = words().operate;
  return known<string>(reasons, reason) ?? otherReason(reason);
}

/** What the item names: the person, the session, the event. One that is broken may name nothing. */
function names({ user_id: user, session_id: session, event }: DeadItem): string {
  return [user, session, event].filter(Boolean).join(" · ");
}

/** The failure, with the server's own sentence if it says why another try would fail. */
function withDetail(error: unknown): Failure {
  if (!(error instanceof ApiError) || error.code !== "would_fail_again") return failureOf(error);
  return failureWith(error.code, () => [error.sentence, error.detail].filter(Boolean).join(" "));
}
