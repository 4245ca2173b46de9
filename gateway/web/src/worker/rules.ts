/** What a build tells its worker. The names of the files contain a hash of their contents. */
export interface ShellList {
  /** Another one for each build that differs. */
  readonly version: string;
  /** The script that the shell loads. */
  readonly script: string;
  /** The files in static/assets/ that the pages load. */
  readonly files: readonly string[];
  /** The paths of the pages. A part in braces stands for any text without a slash. */
  readonly pages: readonly string[];
}

/** A request of a page, as far as the rules need it. */
export interface Asked {
  readonly method: string;
  readonly url: string;
  /** `navigate` if the browser opens a document. */
  readonly mode: string;
  readonly headers: Pick<Headers, "has">;
}

/** `shell` and `file`: the worker may answer from its cache. `network`: it leaves the request alone. */
export type Source = "shell" | "file" | "network";

const ASSETS = "static/assets/";

/**
 * Who answers a request. The worker answers for the documents of the pages and for built files, and for nothing else:
 * no data, no picture, no request that carries a token.
 */
export function sourceOf({ method, url, mode, headers }: Asked, base: string, { files, pages }: ShellList): Source {
  if (method !== "GET" || headers.has("authorization") || !url.startsWith(base)) return "network";
  const { pathname, search } = new URL(url);
  const path = pathname.slice(new URL(base).pathname.length);
  if (path.startsWith(ASSETS)) return files.includes(path.slice(ASSETS.length)) && !search ? "file" : "network";
  return mode === "navigate" && pages.some((page) => matches(page, `/${path}`)) ? "shell" : "network";
}

function matches(page: string, path: string): boolean {
  const [wanted, given] = [page.split("/"), path.split("/")];
  return (
    wanted.length === given.length &&
    wanted.every((part, at) => (part.startsWith("{") ? given[at] : part === given[at]))
  );
}

/** The addresses of the built files. */
export function fileUrls(base: string, { files }: ShellList): readonly string[] {
  return files.map((name) => base + ASSETS + name);
}

/** The caches of the gateway at `base`. Gateways below several paths of one host share the browser's caches. */
function cachePrefix(base: string): string {
  return `a3cp-shell:${base}:`;
}

export function cacheName(base: string, { version }: ShellList): string {
  return cachePrefix(base) + version;
}

/** The caches that earlier versions of the same gateway left. */
export function oldCaches(names: readonly string[], base: string, list: ShellList): readonly string[] {
  return names.filter((name) => name.startsWith(cachePrefix(base)) && name !== cacheName(base, list));
}

/** Whether a shell loads the files of this list. While a gateway is updated, they may be of different versions. */
export function isOfThisVersion(shell: string, { script }: ShellList): boolean {
  return shell.includes(`${ASSETS}${script}"`);
}

/**
 * The shell that is kept: it fits every page below `base`, and tells the page that the gateway did not answer.
 * `shell` is the document at `base`, which refers to its files relative to itself.
 */
export function keptShell(shell: string, base: string): string {
  const { pathname } = new URL(base);
  return shell
    .replaceAll(/"(static\/assets\/|manifest\.webmanifest")/g, (_, rest: string) => `"${pathname}${rest}`)
    .replace("<html ", '<html data-gateway="unreachable" ');
}

/** Whether an answer comes from a proxy whose gateway is away. */
export function isUnreachable(status: number): boolean {
  return status === 502 || status === 503 || status === 504;
}
