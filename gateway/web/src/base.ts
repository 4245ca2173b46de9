/**
 * The path at which the gateway is mounted, with a slash at the end: "/", or for example "/a3cp/" behind a proxy. It is
 * derived from the address of this file, which is below <base>static/assets/ (in development below <base>src/).
 */
export function baseOf(fileUrl: string): string {
  const { protocol, pathname } = new URL("../../", fileUrl);
  return protocol === "http:" || protocol === "https:" ? pathname : "/"; // in unit tests it is a file: address
}

const BASE = baseOf(import.meta.url);

/** The path in the address bar for one of the gateway's paths; those begin with a slash. */
export function at(path: string, base = BASE): string {
  return base + path.slice(1);
}

/** The gateway's path for a path in the address bar. */
export function within(pathname: string, base = BASE): string {
  return pathname.startsWith(base) ? pathname.slice(base.length - 1) : pathname;
}
