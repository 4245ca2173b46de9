import {
  useCallback,
  useLayoutEffect,
  useRef,
  useState,
  type FocusEvent,
  type KeyboardEvent,
  type RefObject,
} from "react";

import { navigate } from "../navigation";
import { addressOf, type LibraryCapture } from "./api";
import { placeAfter, rowOf, type GridRow } from "./layout";
import { extended, NOTHING, toggled, type Selection } from "./selection";

export interface GridKeysProps {
  readonly captures: readonly LibraryCapture[];
  readonly rows: readonly GridRow[];
  readonly query: string;
  readonly grid: RefObject<HTMLElement | null>;
  readonly onSelect: (change: (selection: Selection) => Selection) => void;
  readonly onSelectAll: () => void;
}

const PAGE_ROWS = 3;

/**
 * The keyboard in the grid: arrows, Home, End, Page Up and Page Down move, the space bar selects (with Shift up to here),
 * Control and A selects the whole list, Escape nothing, Enter opens. One capture is in the tab order: the active one.
 */
export function useGridKeys({ captures, rows, query, grid, onSelect, onSelectAll }: GridKeysProps) {
  const [place, setPlace] = useState(0);
  const anchor = useRef(0);
  const moved = useRef(false);
  const active = Math.min(place, captures.length - 1);

  useLayoutEffect(() => {
    if (!moved.current) return;
    moved.current = false;
    const cell = grid.current?.querySelector<HTMLElement>(`[data-place="${active}"]`);
    cell?.focus({ preventScroll: true });
    cell?.scrollIntoView({ block: "nearest" });
  }, [active, grid]);

  const select = useCallback(
    (at: number, range: boolean) => {
      const capture = captures[at];
      if (!capture) return;
      const from = anchor.current;
      onSelect((last) => (range ? extended(last, captures, from, at) : toggled(last, [capture])));
      anchor.current = at;
      setPlace(at);
      // after a click the focus is in the capture's check box, where no key of the grid works
      grid.current?.querySelector<HTMLElement>(`[data-place="${at}"]`)?.focus({ preventScroll: true });
    },
    [captures, grid, onSelect],
  );

  function act(event: KeyboardEvent): boolean {
    const { key, shiftKey } = event;
    const whole = event.ctrlKey || event.metaKey;
    if (key === " ") select(active, shiftKey);
    else if (key === "a" && whole) onSelectAll();
    else if (key === "Escape") onSelect(() => NOTHING);
    else if (key === "Enter") {
      const capture = captures[active];
      if (capture) navigate(addressOf(capture, query));
    } else {
      const next = placeAfter(key, active, rows, { whole, page: PAGE_ROWS });
      if (next === null) return false;
      moved.current = next !== active;
      setPlace(next);
    }
    return true;
  }

  function onKeyDown(event: KeyboardEvent): void {
    // a button in the grid has its own keys
    if ((event.target as HTMLElement).dataset["place"] !== undefined && act(event)) event.preventDefault();
  }

  function onFocus({ target }: FocusEvent<HTMLElement>): void {
    const at = target.dataset["place"];
    if (at !== undefined) setPlace(Number(at));
  }

  return { active, activeRow: rowOf(rows, active), onKeyDown, onFocus, select };
}
