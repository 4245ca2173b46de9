/** The objects that tests and their helpers change to stand in for what jsdom does not have. */
function places(): object[] {
  const prototypes = Object.getOwnPropertyNames(window)
    .filter((name) => /^(HTML|Element$|Document$|Navigator$|EventTarget$|Node$|Storage$|Screen)/.test(name))
    .map((name) => (window as unknown as Record<string, { prototype?: object }>)[name]?.prototype)
    .filter((prototype) => prototype !== undefined);
  return [window, document, document.documentElement, navigator, ...prototypes];
}

/** Returns a function that gives all of them the properties back that they have now. */
export function rememberGlobals(): () => void {
  const remembered = places().map((place) => [place, Object.getOwnPropertyDescriptors(place)] as const);
  return () => {
    for (const [place, before] of remembered) {
      for (const key of Reflect.ownKeys(place)) {
        if (!(key in before)) Reflect.deleteProperty(place, key);
      }
      for (const key of Reflect.ownKeys(before)) restore(place, key, Reflect.get(before, key) as PropertyDescriptor);
    }
  };
}

function restore(place: object, key: PropertyKey, before: PropertyDescriptor): void {
  const now = Object.getOwnPropertyDescriptor(place, key);
  if (now && now.value === before.value && now.get === before.get && now.set === before.set) return;
  Reflect.defineProperty(place, key, before);
}
