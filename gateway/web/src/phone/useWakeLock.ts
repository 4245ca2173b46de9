import { useEffect } from "react";

/**
 * Keeps the screen awake while `active`. A browser lets the screen sleep again when the page goes to the background, so the
 * lock is taken again when the page comes back. Where browsers have no such lock, or refuse it, nothing happens.
 */
export function useWakeLock(active: boolean): void {
  useEffect(() => (active ? held() : undefined), [active]);
}

/** Takes the lock; returns a function that lets it go. */
function held(): () => void {
  let over = false;
  let lock: WakeLockSentinel | null = null;
  const take = async () => {
    if (document.visibilityState === "hidden") return;
    try {
      const taken = await navigator.wakeLock?.request("screen");
      if (over) await taken?.release();
      else lock = taken ?? null;
    } catch {
      // a browser refuses it if the battery is low
    }
  };
  const changed = () => void take();
  document.addEventListener("visibilitychange", changed);
  void take();
  return () => {
    over = true;
    document.removeEventListener("visibilitychange", changed);
    void lock?.release().catch(() => undefined);
  };
}
