import { memo, type MouseEvent } from "react";

import { Link } from "../navigation";
import { moment, useWords, words } from "../words";
import type { LibraryCapture } from "./api";
import { Thumbnail } from "./Thumbnail";
import { labelText, length, wordFor, type Word } from "./words";

export interface CaptureCellProps {
  readonly capture: LibraryCapture;
  /** Its place in the list, from 0. */
  readonly place: number;
  readonly column: number;
  /** The address of its page. */
  readonly to: string;
  readonly selected: boolean;
  /** Whether the keyboard's focus is here when it is in the grid. */
  readonly active: boolean;
  readonly moving: boolean;
  readonly onSelect: (place: number, range: boolean) => void;
}

/** One capture in the grid: its moving picture, its label, and what is known of it. */
export const CaptureCell = memo(function CaptureCell(props: CaptureCellProps) {
  const { capture, place, column, to, selected, active, moving, onSelect } = props;
  const { library } = useWords();
  const label = labelText(capture.label);
  const badge = consentBadge(capture);

  function choose({ shiftKey }: MouseEvent) {
    onSelect(place, shiftKey);
  }

  return (
    <div
      role="gridcell"
      className="take"
      aria-colindex={column}
      aria-selected={selected}
      data-place={place}
      tabIndex={active ? 0 : -1}
    >
      <Link className="take-link" to={to} tabIndex={-1}>
        <Thumbnail capture={capture} moving={moving} />
        {badge && (
          <span className="take-badge" aria-hidden="true">
            {badge}
          </span>
        )}
        <span className="take-length" aria-hidden="true">
          {length(capture.duration_ms)}
        </span>
        <span className={capture.label ? "take-label" : "take-label take-unlabelled"}>{label}</span>
      </Link>
      <p className="take-line">
        {capture.participant} <span className="visually-hidden">{spoken(capture)}</span>
      </p>
      <p className="take-line">
        <Mark word={wordFor("quality", capture.quality?.verdict)} />
      </p>
      <p className="take-line">
        <Mark word={wordFor("review", capture.review)} />
      </p>
      <label className="take-check">
        <input
          type="checkbox"
          tabIndex={-1}
          aria-label={library.selectIt}
          checked={selected}
          onClick={choose}
          readOnly
        />
      </label>
    </div>
  );
});

/** A word with its mark: the shape has the same meaning as the colour. */
export function Mark({ word: { tone, text } }: { readonly word: Word }) {
  return (
    <span className={`mark status-${tone}`}>
      <span className="status-mark" aria-hidden="true" />
      {text}
    </span>
  );
}

/** What the picture says of the consent: nothing if it was given, or if the whole picture says it. */
function consentBadge({ state, consent }: LibraryCapture): string | null {
  if (state !== "kept" || consent === "given") return null;
  const { cell } = words().library;
  return consent === "refused" ? cell.consentNo : cell.consentUnknown;
}

/** What the picture says to those who see it, and what the next word is about: part of the cell's name for screen readers. */
function spoken({ timestamp_start, duration_ms, consent, state }: LibraryCapture): string {
  const [agreed, kept] = [wordFor("consent", consent).text, wordFor("state", state).text];
  return words().library.cell.spoken(moment(timestamp_start), length(duration_ms), agreed, kept);
}
