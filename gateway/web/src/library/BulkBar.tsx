import { useRef, useState } from "react";

import { identifierFault } from "../api/header";
import type { LibrarySummary } from "../api/messages";
import { useMay } from "../api/token";
import { Button } from "../components/Button";
import { ErrorBanner } from "../components/ErrorBanner";
import { Field } from "../components/Field";
import { useWords } from "../words";
import { counted, type Action } from "./actions";
import type { LibraryCapture } from "./api";
import { TextDialog } from "./TextDialog";
import type { Bulk } from "./useBulk";
import type { Performer } from "./usePerformer";
import { valuesOf } from "./useSummary";
import { WithdrawDialog } from "./WithdrawDialog";

export interface BulkBarProps {
  readonly selected: readonly LibraryCapture[];
  readonly bulk: Bulk;
  readonly performer: Performer;
  readonly summary: LibrarySummary | null;
  /** Selects nothing. The focus was in the bar, whose buttons go away. */
  readonly onClear: () => void;
}

type Asking = "relabel" | "reassign" | "withdraw" | null;

/** What can be done with the selected captures, what was done last, and the way back. */
export function BulkBar({ selected, bulk, performer, summary, onClear }: BulkBarProps) {
  const [asking, setAsking] = useState<Asking>(null);
  const place = useRef<HTMLElement>(null);
  const { library, common } = useWords();
  const texts = library.bulk;
  const silent = bulk.running === null && bulk.words === "" && bulk.undo === undefined;
  const idle = silent && selected.length === 0 && bulk.failure === null;

  function say(action: Action): void {
    setAsking(null);
    performer.used();
    void bulk.run(action, selected);
  }

  /** Keeps the focus in the bar when the button that has it goes away. */
  function stay(): void {
    place.current?.focus({ preventScroll: true });
  }

  function press(step: (() => Promise<void>) | undefined): void {
    stay();
    void step?.();
  }

  function close(): void {
    bulk.close();
    if (selected.length === 0) onClear();
    else stay();
  }

  return (
    <section ref={place} tabIndex={-1} className={idle ? "bulk bulk-idle" : "bulk"} aria-label={texts.label}>
      <ErrorBanner failure={bulk.failure}>
        {bulk.retry && (
          <Button tone="quiet" onClick={() => press(bulk.retry)}>
            {texts.rest}
          </Button>
        )}
      </ErrorBanner>
      <div className={silent ? "bulk-said bulk-silent" : "bulk-said"}>
        {/* the numbers are beside it: screen readers would read every one of them */}
        <p role="status">{bulk.running ? texts.sending : bulk.words}</p>
        {bulk.running && <Progress {...bulk.running} />}
        {bulk.undo && (
          <button type="button" className="text-button" onClick={() => press(bulk.undo)}>
            {texts.undo}
          </button>
        )}
        {!silent && bulk.running === null && (
          <button type="button" className="text-button" onClick={close}>
            {common.close}
          </button>
        )}
      </div>
      {selected.length > 0 && (
        <Actions
          selected={selected}
          performer={performer}
          busy={bulk.running !== null}
          {...{ say, setAsking, onClear }}
          onNamed={stay}
        />
      )}
      {asking && <Question {...{ asking, selected, summary, say }} onClose={() => setAsking(null)} />}
    </section>
  );
}

function Progress({ done, of }: NonNullable<Bulk["running"]>) {
  const { progress } = useWords().library.bulk;
  return <span className="bulk-progress">{progress(done, of)}</span>;
}

interface ActionsProps {
  readonly selected: readonly LibraryCapture[];
  readonly performer: Performer;
  readonly busy: boolean;
  readonly say: (action: Action) => void;
  readonly setAsking: (asking: Asking) => void;
  readonly onNamed: () => void;
  readonly onClear: () => void;
}

function Actions({ selected, performer, busy, say, setAsking, onNamed, onClear }: ActionsProps) {
  const { bulk: texts } = useWords().library;
  const allows = useMay();
  const [named, setNamed] = useState(performer.blocked === undefined);

  function go(): void {
    onNamed();
    setNamed(true);
  }
  return (
    <div className="bulk-actions" role="group" aria-label={texts.what(counted(selected.length))}>
      <p className="bulk-count">
        <strong>{counted(selected.length)}</strong>{" "}
        <button type="button" className="text-button" onClick={onClear}>
          {texts.clear}
        </button>
      </p>
      {named ? (
        <>
          {VERDICTS.map((verdict) => (
            <Do key={verdict} busy={busy} onClick={() => say({ kind: "review", verdict })}>
              {texts[verdict]}
            </Do>
          ))}
          {ASKED.filter(({ needs }) => allows(needs)).map(({ what }) => (
            <Do key={what} busy={busy} onClick={() => setAsking(what)}>
              {texts[what]}
            </Do>
          ))}
        </>
      ) : (
        <Name performer={performer} onNamed={go} />
      )}
    </div>
  );
}

/** What is said only after a question, and by those who may say it. */
const ASKED = [
  { what: "relabel", needs: "correct" },
  { what: "reassign", needs: "correct" },
  { what: "withdraw", needs: "withdraw" },
] as const;

const VERDICTS = ["keep", "redo", "reject"] as const;

/** Asks who judges, once, before anything can be said. */
function Name({ performer, onNamed }: { readonly performer: Performer; readonly onNamed: () => void }) {
  const { bulk, performer: texts } = useWords().library;
  return (
    <form
      className="bulk-name"
      onSubmit={(event) => {
        event.preventDefault();
        if (performer.blocked === undefined) onNamed();
      }}
    >
      <Field
        label={texts.label}
        hint={bulk.performerHint}
        value={performer.id}
        onChange={performer.set}
        error={performer.fault}
        maxLength={128}
      />
      <Button type="submit" blocked={performer.blocked}>
        {bulk.goOn}
      </Button>
    </form>
  );
}

interface DoProps {
  readonly busy: boolean;
  readonly onClick: () => void;
  readonly children: string;
}

function Do({ busy, onClick, children }: DoProps) {
  return (
    <button
      type="button"
      className="button button-quiet button-small"
      aria-disabled={busy || undefined}
      onClick={busy ? undefined : onClick}
    >
      {children}
    </button>
  );
}

interface QuestionProps {
  readonly asking: NonNullable<Asking>;
  readonly selected: readonly LibraryCapture[];
  readonly summary: LibrarySummary | null;
  readonly say: (action: Action) => void;
  readonly onClose: () => void;
}

function Question({ asking, selected, summary, say, onClose }: QuestionProps) {
  const { bulk: texts, withdraw } = useWords().library;
  const what = counted(selected.length);
  if (asking === "withdraw") {
    return (
      <WithdrawDialog
        title={withdraw.title(what)}
        count={selected.length}
        onWithdraw={(erase) => say({ kind: "withdraw", erase })}
        onClose={onClose}
      />
    );
  }
  if (asking === "relabel") {
    return (
      <TextDialog
        title={texts.relabelTitle(what)}
        label={texts.relabelLabel}
        hint={texts.relabelHint}
        initial={shared(selected, "label") ?? ""}
        suggestions={valuesOf(summary?.label)}
        maxLength={256}
        faultOf={() => undefined}
        onSay={(intent) => say({ kind: "relabel", intent })}
        onClose={onClose}
      />
    );
  }
  return (
    <TextDialog
      title={texts.reassignTitle(what)}
      label={texts.reassignLabel}
      hint={texts.reassignHint}
      initial={shared(selected, "participant") ?? ""}
      suggestions={valuesOf(summary?.participant)}
      maxLength={128}
      faultOf={identifierFault}
      onSay={(participant) => say({ kind: "reassign", participant })}
      onClose={onClose}
    />
  );
}

/** What all captures have in one field; null if they differ. */
function shared(captures: readonly LibraryCapture[], name: "label" | "participant"): string | null {
  const value = captures[0]?.[name] ?? null;
  return captures.every((capture) => capture[name] === value) ? value : null;
}
