import { at } from "../base";

/** Lets the browser keep the pages' shell. It does nothing where browsers have no worker, as at an address without HTTPS. */
export async function registerWorker(): Promise<void> {
  try {
    await navigator.serviceWorker?.register(at("/worker.js"), { scope: at("/") });
  } catch {
    // the pages work without it, and the next start tries again
  }
}
