import { useRef, useState } from "react";

import { failureOf, type Failure } from "../api/failure";
import { Button } from "../components/Button";
import { Card } from "../components/Card";
import { ErrorBanner } from "../components/ErrorBanner";
import { Page } from "../components/Page";
import { DeadEntry } from "../operate/DeadEntry";
import { useDeadList } from "../operate/useDeadList";
import { useWords } from "../words";
import "../styles/operate.css";

/** The operator's page: what could not be recorded, and what to do with it. */
export function OperatePage() {
  const list = useDeadList();
  const { operate: texts } = useWords();
  const [said, setSaid] = useState<"retried" | "dropped" | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [loading, setLoading] = useState(false);
  const status = useRef<HTMLParagraphElement>(null);
  const { answer } = list;

  async function more(cursor: string) {
    setLoading(true);
    setFailure(null);
    await list.more(cursor).catch((error: unknown) => setFailure(failureOf(error)));
    setLoading(false);
  }

  function gone(what: "retried" | "dropped") {
    setSaid(what);
    status.current?.focus(); // the button that had the focus is gone
  }

  const next = answer?.next;
  const summary = answer ? (answer.total === 0 ? texts.empty : texts.count(answer.total)) : texts.looking;
  return (
    <Page title={texts.title} lead={texts.lead}>
      <Card title={texts.list}>
        <ErrorBanner failure={list.failure ?? failure} />
        {(answer !== null || list.failure === null) && (
          <p role="status" tabIndex={-1} ref={status}>
            {said && texts[said]} {summary}
          </p>
        )}
        {answer && answer.items.length > 0 && (
          <ul className="dead-list">
            {answer.items.map((item) => (
              <DeadEntry key={item.id} item={item} list={list} onGone={gone} />
            ))}
          </ul>
        )}
        <div className="actions">
          {next && (
            <Button busy={loading} onClick={() => void more(next)}>
              {texts.more}
            </Button>
          )}
          <Button
            tone="quiet"
            onClick={() => {
              setSaid(null);
              list.reload();
            }}
          >
            {texts.reload}
          </Button>
        </div>
      </Card>
    </Page>
  );
}
