import { useSyncExternalStore, type AnchorHTMLAttributes, type MouseEvent } from "react";

import { at, within } from "./base";

const MOVED = "a3cp:moved";

/** Shows another page without loading the document again, which would lose the token. */
export function navigate(path: string): void {
  window.history.pushState(null, "", at(path));
  window.dispatchEvent(new Event(MOVED));
  window.scrollTo(0, 0);
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

export interface LinkProps extends AnchorHTMLAttributes<HTMLAnchorElement> {
  readonly to: string;
}

/** A link to another of the pages. The browser itself handles a click with a modifier key, such as "open in a new tab". */
export function Link({ to, children, ...rest }: LinkProps) {
  function follow(event: MouseEvent<HTMLAnchorElement>) {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    navigate(to);
  }
  return (
    <a href={at(to)} onClick={follow} {...rest}>
      {children}
    </a>
  );
}
