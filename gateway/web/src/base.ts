/**
 * The path that the gateway is mounted at, with a slash at its end: "/", or "/a3cp/" behind a proxy that serves it below a
 * path. The pages' own files tell, because they are at <base>static/assets/ (in development at <base>src/).
 */
export function baseOf(fileUrl: string): string {
  const { protocol, pathname } = new URL("../../", fileUrl);
  return protocol === "http:" || protocol === "https:" ? pathname : "/"; // in unit tests it is a file
}

const BASE = baseOf(import.meta.url);

/** The path in the address bar for one of the gateway's paths, which begin with a slash. */
export function at(path: string, base = BASE): string {
  return base + path.slice(1);
}

/** The gateway's path for one in the address bar. */
export function within(pathname: string, base = BASE): string {
  return pathname.startsWith(base) ? pathname.slice(base.length - 1) : pathname;
}
