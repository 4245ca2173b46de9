import type { LibraryCapture } from "./api";

/** The capture_ids of the selected captures. */
export type Selection = ReadonlySet<string>;

export const NOTHING: Selection = new Set();

/** The selection with these captures; without them, if all of them are selected already. */
export function toggled(selection: Selection, captures: readonly LibraryCapture[]): Selection {
  const ids = captures.map(({ capture_id }) => capture_id);
  const next = new Set(selection);
  const all = ids.every((id) => selection.has(id));
  for (const id of ids) {
    if (all) next.delete(id);
    else next.add(id);
  }
  return next;
}

/** The selection with all captures between two places of the list, in either direction. */
export function extended(
  selection: Selection,
  captures: readonly LibraryCapture[],
  from: number,
  to: number,
): Selection {
  const range = captures.slice(Math.min(from, to), Math.max(from, to) + 1);
  return new Set([...selection, ...range.map(({ capture_id }) => capture_id)]);
}

/** The selected captures, in the order of the list. */
export function selectedOf(captures: readonly LibraryCapture[], selection: Selection): readonly LibraryCapture[] {
  return selection.size === 0 ? [] : captures.filter(({ capture_id }) => selection.has(capture_id));
}
