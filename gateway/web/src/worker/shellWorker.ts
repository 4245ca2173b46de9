import {
  cacheName,
  fileUrls,
  isOfThisVersion,
  isUnreachable,
  keptShell,
  oldCaches,
  sourceOf,
  type ShellList,
} from "./rules";

/** The part of a service worker's global scope that is used here; TypeScript's types for it contradict those for pages. */
export interface WorkerScope {
  readonly registration: { readonly scope: string };
  readonly caches: CacheStorage;
  readonly fetch: typeof fetch;
  addEventListener(type: "install" | "activate", handler: (event: ExtendableEvent) => void): void;
  addEventListener(type: "fetch", handler: (event: FetchEvent) => void): void;
}

export interface ExtendableEvent {
  waitUntil(done: Promise<unknown>): void;
}

export interface FetchEvent {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}

/** How long the gateway may take to send a document before the worker opens the page without it. */
export const WAIT_MS = 8000;

/**
 * Keeps the shell of one version, and opens it if the gateway does not answer. It stores nothing after its installation.
 *
 * A document comes from the gateway whenever the gateway answers, so a page is of the gateway's version from its next start
 * on. A new worker waits until no page of the old one is open (the browser's own rule), so an open page keeps its files.
 */
export function serveShell(worker: WorkerScope, list: ShellList): void {
  const base = worker.registration.scope;
  worker.addEventListener("install", (event) => event.waitUntil(install(worker, base, list)));
  worker.addEventListener("activate", (event) => event.waitUntil(removeOld(worker, base, list)));
  worker.addEventListener("fetch", (event) => {
    const source = sourceOf(event.request, base, list);
    if (source === "network") return;
    event.respondWith(source === "shell" ? shell(worker, event.request, list) : file(worker, event.request, list));
  });
}

async function install(worker: WorkerScope, base: string, list: ShellList): Promise<void> {
  const answer = await worker.fetch(base, { cache: "no-cache" });
  const text = await answer.text();
  if (!answer.ok || !isOfThisVersion(text, list)) throw new Error("The gateway's page is of another version.");
  const cache = await worker.caches.open(cacheName(base, list));
  await cache.addAll([...fileUrls(base, list)]);
  const headers = new Headers(answer.headers); // the page keeps the gateway's security policy
  for (const name of ["content-encoding", "content-length"]) headers.delete(name); // the text is decoded
  await cache.put(base, new Response(keptShell(text, base), { headers }));
}

async function removeOld(worker: WorkerScope, base: string, list: ShellList): Promise<void> {
  const old = oldCaches(await worker.caches.keys(), base, list);
  await Promise.all(old.map((name) => worker.caches.delete(name)));
}

async function shell(worker: WorkerScope, request: Request, list: ShellList): Promise<Response> {
  const answer = worker.fetch(request);
  const inTime = await Promise.race([answer.catch(() => null), afterWait()]);
  if (inTime && !isUnreachable(inTime.status)) return inTime;
  return (await kept(worker, worker.registration.scope, list)) ?? answer;
}

async function file(worker: WorkerScope, request: Request, list: ShellList): Promise<Response> {
  return (await kept(worker, request.url, list)) ?? worker.fetch(request);
}

async function kept(worker: WorkerScope, url: string, list: ShellList): Promise<Response | undefined> {
  const cache = await worker.caches.open(cacheName(worker.registration.scope, list));
  return cache.match(url);
}

function afterWait(): Promise<null> {
  return new Promise((resolve) => setTimeout(resolve, WAIT_MS, null));
}
