import { useEffect, useMemo, useSyncExternalStore } from "react";

import { useLibraryApi, type LibraryApi } from "./api";
import { CaptureList, type ListState } from "./CaptureList";
import { filtersOf } from "./query";

/** The last list of each connection: coming back to it from the page of a capture shows it at once, where it was. */
const LAST = new WeakMap<LibraryApi, { readonly query: string; readonly list: CaptureList }>();

function listFor(api: LibraryApi, query: string): CaptureList {
  const last = LAST.get(api);
  if (last?.query === query) return last.list;
  const list = new CaptureList(api, filtersOf(query));
  LAST.set(api, { query, list });
  return list;
}

export interface CaptureListOptions {
  /** Whether a list that was loaded on an earlier page is loaded again: it may have other captures by now. */
  readonly fresh?: boolean;
}

/**
 * The captures that the query part of an address narrows to, and what is loaded of them. Two pages with the same query
 * share one list, so the page of a capture knows the next one.
 */
export function useCaptureList(
  query: string,
  { fresh = false }: CaptureListOptions = {},
): { readonly list: CaptureList; readonly state: ListState } {
  const api = useLibraryApi();
  const list = useMemo(() => listFor(api, query), [api, query]);
  const state = useSyncExternalStore(list.subscribe, list.state);
  useEffect(() => {
    if (list.state().total === null) void list.loadMore();
    else if (fresh) void list.refresh();
  }, [fresh, list]);
  return { list, state };
}
