/**
 * Values that this tab keeps until it is closed, so that they survive a reload. If the browser refuses to store them,
 * these functions do nothing and return null.
 */

export function readTab(key: string): unknown {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}

/** Stores a value; null removes it. */
export function writeTab(key: string, value: unknown): void {
  try {
    if (value === null) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, JSON.stringify(value));
  } catch {
    // the storage is full or forbidden: see above
  }
}
