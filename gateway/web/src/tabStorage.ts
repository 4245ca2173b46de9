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

/** Removes all values of the pages. */
export function forgetTab(): void {
  try {
    const names = Object.keys(sessionStorage).filter((name) => name.startsWith("a3cp."));
    for (const name of names) sessionStorage.removeItem(name);
  } catch {
    // there is no storage
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
