import { useSyncExternalStore } from "react";

/** Whether the page is in the background, where browsers slow its timers to one picture a second or less. */
export function usePageHidden(): boolean {
  return useSyncExternalStore(subscribe, isHidden);
}

function isHidden(): boolean {
  return document.visibilityState === "hidden";
}

function subscribe(changed: () => void): () => void {
  document.addEventListener("visibilitychange", changed);
  return () => document.removeEventListener("visibilitychange", changed);
}
