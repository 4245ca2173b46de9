import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { serveShell, WAIT_MS, type ExtendableEvent, type FetchEvent, type WorkerScope } from "./shellWorker";

const BASE = "https://host.example/a3cp/";
const SHELL = '<html lang="en"><script src="static/assets/index-a1.js"></script></html>';
const LIST = { version: "v2", script: "index-a1.js", files: ["index-a1.js"], pages: ["/", "/live"] };
const NAME = `a3cp-shell:${BASE}:v2`;
const SCRIPT = `${BASE}static/assets/index-a1.js`;

/** Caches as a browser has them, by name and address. */
class FakeCaches {
  readonly stored = new Map<string, Map<string, Response>>();
  readonly keys = async () => [...this.stored.keys()];
  readonly delete = async (name: string) => this.stored.delete(name);
  readonly open = async (name: string) => {
    const cache = this.stored.get(name) ?? new Map<string, Response>();
    this.stored.set(name, cache);
    return {
      match: async (url: string) => cache.get(url)?.clone(),
      put: async (url: string, response: Response) => void cache.set(url, response),
      addAll: async (urls: readonly string[]) => urls.forEach((url) => cache.set(url, new Response("the script"))),
    };
  };
}

const answering = (text: string, init?: ResponseInit) => async () => new Response(text, init);

function started(list = LIST) {
  const handlers: Record<string, (event: Partial<ExtendableEvent & FetchEvent>) => void> = {};
  const network = vi.fn<() => Promise<Response>>(answering(SHELL));
  const caches = new FakeCaches();
  serveShell(
    {
      registration: { scope: BASE },
      caches: caches as unknown as CacheStorage,
      fetch: network,
      addEventListener: (type: string, handler: (typeof handlers)[string]) => {
        handlers[type] = handler;
      },
    } as unknown as WorkerScope,
    list,
  );
  const run = async (type: "install" | "activate") => {
    let done: Promise<unknown> = Promise.resolve();
    handlers[type]?.({ waitUntil: (promise) => (done = promise) });
    await done;
  };
  /** What the worker answers; undefined if it leaves the request alone. */
  const ask = (path: string, mode = "navigate"): Promise<Response> | undefined => {
    let answer: Promise<Response> | undefined;
    const request = { method: "GET", url: BASE + path, mode, headers: new Headers() } as Request;
    handlers["fetch"]?.({ request, respondWith: (given) => (answer = given) });
    return answer;
  };
  return { run, ask, network, caches };
}

async function installed() {
  const worker = started();
  worker.network.mockImplementation(
    answering(SHELL, { headers: { "Content-Security-Policy": "default-src 'none'", "Content-Encoding": "gzip" } }),
  );
  await worker.run("install");
  worker.network.mockReset();
  return worker;
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("it keeps the shell and its files, with the gateway's policy, and nothing afterwards", async () => {
  const { ask, network, caches } = await installed();
  network.mockImplementation(answering("<html>from the gateway</html>"));
  expect(await (await ask("live"))?.text()).toBe("<html>from the gateway</html>");
  expect(await (await ask("static/assets/index-a1.js", "cors"))?.text()).toBe("the script");
  expect(ask("library/captures", "cors")).toBeUndefined();
  const kept = caches.stored.get(NAME);
  expect([...(kept?.keys() ?? [])].sort()).toEqual([BASE, SCRIPT]);
  expect(kept?.get(BASE)?.headers.get("Content-Security-Policy")).toBe("default-src 'none'");
  expect(kept?.get(BASE)?.headers.has("Content-Encoding")).toBe(false);
});

test.each([
  ["the network is away", () => Promise.reject(new TypeError("no network"))],
  ["a proxy has no gateway", answering("bad gateway", { status: 502 })],
])("the kept shell opens if %s", async (_, answer) => {
  const { ask, network } = await installed();
  network.mockImplementation(answer);
  expect(await (await ask("live"))?.text()).toContain('data-gateway="unreachable"');
});

test("the kept shell opens if the gateway does not answer in time", async () => {
  const { ask, network } = await installed();
  network.mockImplementation(() => new Promise(() => undefined));
  const answer = ask("live");
  await vi.advanceTimersByTimeAsync(WAIT_MS);
  expect(await (await answer)?.text()).toContain('data-gateway="unreachable"');
});

test("a browser that has cleared the cache gets what the network says", async () => {
  const { ask, network, caches } = await installed();
  caches.stored.clear();
  network.mockImplementation(answering("from the network", { status: 503 }));
  expect(await (await ask("live"))?.text()).toBe("from the network");
  expect(await (await ask("static/assets/index-a1.js", "cors"))?.text()).toBe("from the network");
});

test.each([
  ["fails", answering(SHELL, { status: 503 })],
  ["is of another version", answering("<html>newer</html>")],
])("it is not installed while the gateway's page %s", async (_, answer) => {
  const { run, network, caches } = started();
  network.mockImplementation(answer);
  await expect(run("install")).rejects.toThrow("another version");
  expect(caches.stored.size).toBe(0);
});

test("a new version removes the old one's files when it takes over", async () => {
  const { run, caches } = await installed();
  await caches.open(`a3cp-shell:${BASE}:v1`);
  await caches.open("another-app");
  await run("activate");
  expect(await caches.keys()).toEqual([NAME, "another-app"]);
});
