import { useRef, useState } from "react";

import { Button } from "../components/Button";
import { ErrorBanner } from "../components/ErrorBanner";
import { Page } from "../components/Page";
import { Announcer, useAnnouncer } from "../library/Announcer";
import type { Action } from "../library/actions";
import { addressOf, type LibraryCapture } from "../library/api";
import { CaptureCards } from "../library/CaptureCards";
import { KeyHelp } from "../library/KeyHelp";
import { useMoving } from "../library/movement";
import type { KeyAction } from "../library/reviewKeys";
import { UndeliveredBanner } from "../library/UndeliveredBanner";
import { useJudging, withPending } from "../library/useJudging";
import { useLibraryCapture } from "../library/useLibraryCapture";
import { usePerformer } from "../library/usePerformer";
import { useReviewKeys } from "../library/useReviewKeys";
import { useSummary, valuesOf } from "../library/useSummary";
import { useWalk } from "../library/useWalk";
import { reviewAction } from "../library/VerdictCard";
import { WalkBar } from "../library/WalkBar";
import { labelText, length, wordFor } from "../library/words";
import { navigate, useQuery } from "../navigation";
import type { PathParameters } from "../routes";
import { rememberedFlag, rememberFlag } from "../session/remembered";
import { moment, useWords } from "../words";
import "../styles/capture.css";
import "../styles/library-capture.css";

const ADVANCE = "review-advance";

/** The page of one recorded capture: what it shows, what was said about it, and what a person can say. */
export function CapturePage({ parameters: { capture_id: captureId = "" } }: { readonly parameters: PathParameters }) {
  const query = useQuery();
  const { libraryCapture: texts } = useWords();
  const loaded = useLibraryCapture(captureId);
  const walk = useWalk(query, captureId, loaded.capture);
  const performer = usePerformer();
  const performerField = useRef<HTMLDivElement>(null);
  const judging = useJudging(walk.list, performer, loaded.change);
  const [moving, setMoving] = useMoving();
  const [rejecting, setRejecting] = useState(false);
  const [helping, setHelping] = useState(false);
  const [advance, setAdvance] = useState(() => rememberedFlag(ADVANCE, false));
  const [said, announce] = useAnnouncer();
  const { summary } = useSummary();
  const capture = loaded.capture && withPending(loaded.capture, judging.pending);

  function go(to: Pick<LibraryCapture, "capture_id">, words: string) {
    setRejecting(false);
    navigate(addressOf(to, query), { replace: true });
    announce(words);
  }

  /** Whether it is known who speaks; if not, says so and asks. */
  function canSay(): boolean {
    if (!performer.blocked) return true;
    announce(performer.blocked);
    performerField.current?.querySelector("input")?.focus();
    return false;
  }

  function say(action: Action) {
    if (!capture || !canSay()) return;
    const words = judging.say(action, capture);
    if (advance && action.kind === "review" && walk.next) go(walk.next, `${words} ${inWords(walk.next)}`);
    else announce(words);
  }

  function judge(verdict: "keep" | "redo" | "reject") {
    if (!capture) return;
    if (capture.state !== "kept") announce(texts.say.withdrawn);
    else if (verdict !== "reject") say(reviewAction(capture, verdict));
    else if (canSay()) setRejecting(true);
  }

  function undo() {
    const { last } = judging;
    const words = judging.undo();
    if (last && last.capture.capture_id !== captureId) go(last.capture, words);
    else announce(words);
  }

  function step(to: LibraryCapture | null, none: string) {
    if (to) go(to, inWords(to));
    else announce(walk.loading ? texts.say.listLoading : none);
  }

  const does: Readonly<Record<KeyAction, () => void>> = {
    keep: () => judge("keep"),
    redo: () => judge("redo"),
    reject: () => judge("reject"),
    next: () => step(walk.next, texts.say.last),
    previous: () => step(walk.previous, texts.say.first),
    undo,
    play: () => setMoving(!moving),
    help: () => setHelping(true),
  };
  const keys = useReviewKeys((action) => does[action]());

  return (
    <Page title={capture ? labelText(capture.label) : texts.title} lead={capture && leadOf(capture)}>
      <div>
        <WalkBar walk={walk} query={query} keys={keys.on} onHelp={() => setHelping(true)} />
        <Announcer said={said} />
      </div>
      <UndeliveredBanner deliveries={judging.deliveries} />
      <ErrorBanner failure={loaded.failure}>
        <Button tone="quiet" onClick={loaded.reload}>
          {texts.load}
        </Button>
      </ErrorBanner>
      {!capture && !loaded.failure && <p>{texts.loading}</p>}
      {capture && (
        <CaptureCards
          key={captureId}
          {...{ capture, performer, performerField, moving, rejecting }}
          labels={valuesOf(summary?.label)}
          people={valuesOf(summary?.participant)}
          last={judging.last}
          keys={keys.on}
          busy={judging.pending.length > 0}
          onPlay={setMoving}
          onRejecting={setRejecting}
          onJudge={judge}
          onSay={say}
          onUndo={undo}
          onGone={loaded.reload}
        />
      )}
      {helping && (
        <KeyHelp
          on={keys.on}
          onTurn={keys.turn}
          advance={advance}
          onAdvance={(to) => {
            rememberFlag(ADVANCE, to);
            setAdvance(to);
          }}
          onClose={() => setHelping(false)}
        />
      )}
    </Page>
  );
}

function leadOf({ participant, timestamp_start, duration_ms }: LibraryCapture): string {
  return `${participant}, ${moment(timestamp_start)}, ${length(duration_ms)}`;
}

/** A capture in words, for a person who does not see the page: "more, anna, 4 s, good, not reviewed." */
function inWords({ label, participant, duration_ms, quality, review }: LibraryCapture): string {
  const parts = [
    labelText(label),
    participant,
    length(duration_ms),
    wordFor("quality", quality?.verdict).text,
    wordFor("review", review).text,
  ];
  return `${parts.join(", ")}.`;
}
