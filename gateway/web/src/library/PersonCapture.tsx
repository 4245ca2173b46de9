import { Button } from "../components/Button";
import { day, moment, useWords, words } from "../words";
import type { LibraryCapture } from "./api";
import { Thumbnail } from "./Thumbnail";
import { labelText, length } from "./words";

export interface PersonCaptureProps {
  readonly capture: LibraryCapture;
  readonly moving: boolean;
  readonly busy: boolean;
  /** Called for a capture that is kept, and for a withdrawn one whose file is to be erased. Undefined: there is no button. */
  readonly onWithdraw: (() => void) | undefined;
}

/** One capture in the words of the person whom it shows, and the button that withdraws it, or erases its file. */
export function PersonCapture({ capture, moving, busy, onWithdraw }: PersonCaptureProps) {
  const { person } = useWords();
  const label = labelText(capture.label);
  return (
    <li className="kept">
      <Thumbnail capture={capture} moving={moving} />
      <div className="kept-words">
        <p className="take-label">{label}</p>
        <p className="field-hint">
          {moment(capture.timestamp_start)}, {length(capture.duration_ms)}
        </p>
        <p>
          {keptWords(capture)} {capture.kept_until && person.until(day(capture.kept_until))}
        </p>
      </div>
      {capture.state !== "erased" && onWithdraw && (
        <Button tone="quiet" busy={busy} onClick={onWithdraw}>
          {capture.state === "kept" ? person.withdraw : person.erase}{" "}
          <span className="visually-hidden">
            {label}, {moment(capture.timestamp_start)}
          </span>
        </Button>
      )}
    </li>
  );
}

/** What is kept of a capture, in a plain sentence. */
export function keptWords({ state, consent }: Pick<LibraryCapture, "state" | "consent">): string {
  const { kept } = words().person;
  if (state === "erased" || state === "withdrawn") return kept[state];
  return consent === "given" || consent === "refused" ? kept[consent] : kept.unknown;
}
