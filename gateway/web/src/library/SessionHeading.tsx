import type { GridRow } from "./layout";
import { toggled, type Selection } from "./selection";
import { moment } from "./words";

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
  const [newest] = captures;
  if (!newest) return null;
  const first = captures.at(-1) ?? newest;
  const when = moment(first.timestamp_start);
  const of = `that of ${newest.user_id}, ${when}`;
  const all = captures.every(({ capture_id }) => selection.has(capture_id));
  return (
    <div role="row" className="takes-session" aria-rowindex={index + 1} style={{ top: row.top, height: row.height }}>
      <div role="gridcell" className="takes-session-cell" aria-colspan={columns}>
        <h3>
          {newest.user_id}, <span className="takes-when">{when}</span>
        </h3>
        <p className="takes-tools">
          <button type="button" className="text-button" onClick={() => onSelect((last) => toggled(last, captures))}>
            {all ? "Deselect" : "Select"} {captures.length === 1 ? "it" : `these ${captures.length}`}{" "}
            <span className="visually-hidden">of the session, {of}</span>
          </button>
          <button type="button" className="text-button" onClick={() => onSession(newest.session_id)}>
            Only this session<span className="visually-hidden">, {of}</span>
          </button>
        </p>
      </div>
    </div>
  );
}
