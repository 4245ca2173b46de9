import { useEffect, useMemo, useRef, useState, type CSSProperties, type ReactNode } from "react";

import { useWords } from "../words";
import { addressOf, type LibraryCapture } from "./api";
import { CaptureCell } from "./CaptureCell";
import { columnsFor, GAP_PX, heightOf, rowsBetween, rowsOf, type GridRow } from "./layout";
import type { Selection } from "./selection";
import { SessionHeading } from "./SessionHeading";
import { useGridKeys } from "./useGridKeys";
import { useVisibleBand, useWidth } from "./useVisibleRange";

export interface CaptureGridProps {
  readonly captures: readonly LibraryCapture[];
  /** The query part of the page's address: the page of a capture gets it, to know the list. */
  readonly query: string;
  readonly selection: Selection;
  readonly onSelect: (change: (selection: Selection) => Selection) => void;
  /** Selects the whole list, also what is not loaded yet. */
  readonly onSelectAll: () => void;
  readonly onSession: (sessionId: string) => void;
  readonly moving: boolean;
  /** Called when the person comes near the end of what is loaded. */
  readonly onEnd: () => void;
}

/** How much of the list below the window must be loaded, so that a person who scrolls does not wait for it. */
const AHEAD_PX = 6000;

/** The heights of a cell's text, and of a session's heading in one line or two, in rem. */
const TEXT_REM = 6.75;
const HEADING_REM = 3.5;
const HEADING_NARROW_REM = 5.25;

/**
 * The captures beside and below each other, in their sessions. Only the rows near the window are in the document, so that
 * ten thousand captures need no more elements than a hundred. Arrow keys move, the space bar selects, Enter opens.
 */
export function CaptureGrid(props: CaptureGridProps) {
  const { captures, query, selection, onSelect, onSelectAll, onSession, moving, onEnd } = props;
  const grid = useRef<HTMLDivElement>(null);
  const { library } = useWords();
  const { width, rem } = useWidth(grid);
  const columns = columnsFor(width);
  const rows = useMemo(() => {
    const picture = ((width - GAP_PX * (columns - 1)) / columns) * 0.75;
    return rowsOf(captures, {
      columns,
      cell: Math.round(picture + TEXT_REM * rem) + GAP_PX,
      heading: (columns > 2 ? HEADING_REM : HEADING_NARROW_REM) * rem,
    });
  }, [captures, columns, width, rem]);
  const keys = useGridKeys({ captures, rows, query, grid, onSelect, onSelectAll });
  const { active, activeRow, onKeyDown, onFocus, select } = keys;
  const band = useVisibleBand(grid);
  const { from, to } = rowsBetween(rows, band.top, band.bottom);
  const height = heightOf(rows);

  useEffect(() => {
    if (band.bottom + AHEAD_PX > height) onEnd();
  }, [band.bottom, height, onEnd]);

  const shown = rowsWith(activeRow, from, to);
  return (
    // oxlint-disable-next-line jsx-a11y/interactive-supports-focus -- the focus is on its cells (ARIA APG, grid)
    <div
      ref={grid}
      role="grid"
      className="takes"
      aria-label={library.captures}
      aria-multiselectable="true"
      aria-rowcount={rows.length}
      aria-colcount={columns}
      style={{ height, "--columns": columns } as CSSProperties}
      onKeyDown={onKeyDown}
      onFocus={onFocus}
    >
      {shown.map((index) => {
        const row = rows[index];
        if (!row) return null;
        const key = row.captures[0]?.capture_id;
        if (row.kind === "session") {
          return (
            <SessionHeading
              key={`session ${key}`}
              row={row}
              index={index}
              {...{ columns, selection, onSelect, onSession }}
            />
          );
        }
        return (
          <CaptureRow key={key} row={row} index={index} flying={band.flying && index !== activeRow}>
            {row.captures.map((capture, column) => (
              <CaptureCell
                key={capture.capture_id}
                capture={capture}
                place={row.first + column}
                column={column + 1}
                to={addressOf(capture, query)}
                selected={selection.has(capture.capture_id)}
                active={row.first + column === active}
                moving={moving}
                onSelect={select}
              />
            ))}
          </CaptureRow>
        );
      })}
    </div>
  );
}

interface CaptureRowProps {
  readonly row: GridRow;
  readonly index: number;
  readonly flying: boolean;
  readonly children: ReactNode;
}

/** Captures beside each other. A row that comes while the page flies by is left out until the page is slower. */
function CaptureRow({ row: { top, height }, index, flying, children }: CaptureRowProps) {
  const [filled, setFilled] = useState(!flying);
  if (!flying && !filled) setFilled(true);
  if (!filled) return null; // a row without cells would be an error to a screen reader
  return (
    <div role="row" className="takes-row" aria-rowindex={index + 1} style={{ top, height: height - GAP_PX }}>
      {children}
    </div>
  );
}

/** The rows near the window, and the one with the keyboard's focus, which must not leave the document. */
function rowsWith(focused: number, from: number, to: number): readonly number[] {
  const near = Array.from({ length: to - from }, (_, place) => from + place);
  if (focused === -1 || (from <= focused && focused < to)) return near;
  return focused < from ? [focused, ...near] : [...near, focused];
}
