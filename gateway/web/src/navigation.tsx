import { useSyncExternalStore, type AnchorHTMLAttributes, type MouseEvent } from "react";

import { at, within } from "./base";

const MOVED = "a3cp:moved";

export interface NavigateOptions {
  /** Takes the place of the page in the browser's history, and does not scroll: for a step from one thing to the next. */
  readonly replace?: boolean;
}

/** Shows another page without loading the document again, which would lose the token. */
export function navigate(path: string, { replace = false }: NavigateOptions = {}): void {
  if (replace) window.history.replaceState(null, "", at(path));
  else window.history.pushState(null, "", at(path));
  window.dispatchEvent(new Event(MOVED));
  if (!replace) window.scrollTo(0, 0);
}

/** Changes the query part of the address without scrolling. `replace` leaves no entry for the browser's way back. */
export function setQuery(query: string, replace = false): void {
  const address = window.location.pathname + query;
  if (replace) window.history.replaceState(null, "", address);
  else window.history.pushState(null, "", address);
  window.dispatchEvent(new Event(MOVED));
}

/** The query part of the address: "?label=more", or "". The component renders again when it changes. */
export function useQuery(): string {
  return useSyncExternalStore(subscribe, () => window.location.search);
}

/** The gateway's path in the address bar. The component renders again when it changes. */
export function usePath(): string {
  return useSyncExternalStore(subscribe, currentPath);
}

function currentPath(): string {
  return within(window.location.pathname);
}

function subscribe(changed: () => void): () => void {
  window.addEventListener("popstate", changed);
  window.addEventListener(MOVED, changed);
  return () => {
    window.removeEventListener("popstate", changed);
    window.removeEventListener(MOVED, changed);
  };
}

export interface LinkProps extends AnchorHTMLAttributes<HTMLAnchorElement>, NavigateOptions {
  readonly to: string;
}

/** A link to another of the pages. The browser itself handles a click with a modifier key, such as "open in a new tab". */
export function Link({ to, replace = false, children, ...rest }: LinkProps) {
  function follow(event: MouseEvent<HTMLAnchorElement>) {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    navigate(to, { replace });
  }
  return (
    <a href={at(to)} onClick={follow} {...rest}>
      {children}
    </a>
  );
}
