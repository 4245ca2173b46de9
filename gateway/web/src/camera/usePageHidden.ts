import { useSyncExternalStore } from "react";

/** What to say while the page is in the background: browsers slow it down there, to a picture a second or less. */
export const HIDDEN_SENTENCE =
  "This page was in the background, where browsers slow the camera down. Keep it in front while you record.";

/** Whether the page is in the background now. */
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
