import { moment, useWords } from "../words";
import type { GridRow } from "./layout";
import { toggled, type Selection } from "./selection";

export interface SessionHeadingProps {
  readonly row: GridRow;
  /** Its place among all rows of the grid. */
  readonly index: number;
  readonly columns: number;
  readonly selection: Selection;
  readonly onSelect: (change: (selection: Selection) => Selection) => void;
  readonly onSession: (sessionId: string) => void;
}

/** The row above the captures of one session: whose it is, when it was, and what can be done with all of it. */
export function SessionHeading({ row, index, columns, selection, onSelect, onSession }: SessionHeadingProps) {
  const { captures } = row;
  const { session: texts } = useWords().library;
  const [newest] = captures;
  if (!newest) return null;
  const first = captures.at(-1) ?? newest;
  const when = moment(first.timestamp_start);
  const all = captures.every(({ capture_id }) => selection.has(capture_id));
  return (
    <div role="row" className="takes-session" aria-rowindex={index + 1} style={{ top: row.top, height: row.height }}>
      <div role="gridcell" className="takes-session-cell" aria-colspan={columns}>
        <h3>
          {newest.user_id}, <span className="takes-when">{when}</span>
        </h3>
        <p className="takes-tools">
          <button type="button" className="text-button" onClick={() => onSelect((last) => toggled(last, captures))}>
            {(all ? texts.deselect : texts.select)(captures.length)}{" "}
            <span className="visually-hidden">{texts.ofSession(newest.user_id, when)}</span>
          </button>
          <button type="button" className="text-button" onClick={() => onSession(newest.session_id)}>
            {texts.only}
            <span className="visually-hidden">{texts.onlyOf(newest.user_id, when)}</span>
          </button>
        </p>
      </div>
    </div>
  );
}
