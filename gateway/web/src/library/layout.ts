import type { LibraryCapture } from "./api";

/** The heights of the parts of a grid, in pixels. */
export interface Measures {
  readonly columns: number;
  /** Of one capture, with the gap below it. */
  readonly cell: number;
  /** Of the heading of a session. */
  readonly heading: number;
}

/** One row of the grid: the heading of a session, or captures beside each other. */
export type GridRow =
  | {
      readonly kind: "session";
      readonly top: number;
      readonly height: number;
      readonly captures: readonly LibraryCapture[];
    }
  | {
      readonly kind: "captures";
      readonly top: number;
      readonly height: number;
      readonly captures: readonly LibraryCapture[];
      /** The place in the list of the first of them. */
      readonly first: number;
    };

const NARROW_PX = 500;
const LEAST_CELL_PX = 176;
/** Between two captures. */
export const GAP_PX = 16;

/** How many captures are beside each other in a grid of this width; two on a phone. */
export function columnsFor(width: number): number {
  return width < NARROW_PX ? 2 : Math.floor((width + GAP_PX) / (LEAST_CELL_PX + GAP_PX));
}

/** The rows of a list. Each run of captures of one session has a heading, and begins a row. */
export function rowsOf(captures: readonly LibraryCapture[], { columns, cell, heading }: Measures): readonly GridRow[] {
  const rows: GridRow[] = [];
  let top = 0;
  let first = 0;
  for (const run of runsOf(captures)) {
    rows.push({ kind: "session", top, height: heading, captures: run });
    top += heading;
    for (let from = 0; from < run.length; from += columns) {
      rows.push({
        kind: "captures",
        top,
        height: cell,
        captures: run.slice(from, from + columns),
        first: first + from,
      });
      top += cell;
    }
    first += run.length;
  }
  return rows;
}

function runsOf(captures: readonly LibraryCapture[]): readonly (readonly LibraryCapture[])[] {
  const runs: LibraryCapture[][] = [];
  for (const capture of captures) {
    const run = runs.at(-1);
    const { session_id, user_id } = run?.[0] ?? {};
    if (run && session_id === capture.session_id && user_id === capture.user_id) run.push(capture);
    else runs.push([capture]);
  }
  return runs;
}

/** The height of all rows, in pixels. */
export function heightOf(rows: readonly GridRow[]): number {
  const last = rows.at(-1);
  return last ? last.top + last.height : 0;
}

/** A range of rows: those from `from` to before `to`. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** The rows that are between two heights, in pixels from the top of the grid. */
export function rowsBetween(rows: readonly GridRow[], top: number, bottom: number): Range {
  const from = firstBelow(rows, top);
  let to = from;
  while (to < rows.length && (rows[to]?.top ?? bottom) < bottom) to += 1;
  return { from, to };
}

/** The first row that ends below a height; binary, because a list may have ten thousand rows. */
function firstBelow(rows: readonly GridRow[], height: number): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const row = rows[middle];
    if (row && row.top + row.height > height) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The row with the capture at a place of the list; -1 if there is none. */
export function rowOf(rows: readonly GridRow[], place: number): number {
  return rows.findIndex(
    (row) => row.kind === "captures" && row.first <= place && place < row.first + row.captures.length,
  );
}

/**
 * The place in the list to which a key moves the focus: arrows, Home and End within the row, the same with `whole` to the
 * ends of the list, Page Up and Page Down by `page` rows. Null if the key moves nothing.
 */
export function placeAfter(
  key: string,
  place: number,
  rows: readonly GridRow[],
  { whole = false, page = 1 }: { readonly whole?: boolean; readonly page?: number } = {},
): number | null {
  const lines = rows.filter((row) => row.kind === "captures");
  const line = rowOf(lines, place);
  const row = lines[line];
  const last = lines.at(-1);
  if (!row || !last) return null;
  const end = last.first + last.captures.length - 1;
  const moves: Readonly<Record<string, () => number>> = {
    ArrowLeft: () => place - 1,
    ArrowRight: () => place + 1,
    ArrowUp: () => inLine(lines[line - 1], place - row.first, place),
    ArrowDown: () => inLine(lines[line + 1], place - row.first, place),
    Home: () => (whole ? 0 : row.first),
    End: () => (whole ? end : row.first + row.captures.length - 1),
    PageUp: () => inLine(lines[Math.max(0, line - page)], place - row.first, place),
    PageDown: () => inLine(lines[Math.min(lines.length - 1, line + page)], place - row.first, place),
  };
  const move = moves[key];
  return move ? Math.max(0, Math.min(end, move())) : null;
}

function inLine(row: GridRow | undefined, column: number, otherwise: number): number {
  return row?.kind === "captures" ? row.first + Math.min(column, row.captures.length - 1) : otherwise;
}
