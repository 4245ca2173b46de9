import { vi } from "vitest";

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  /** The JSON that the page sent; undefined if there was none. */
  readonly json: unknown;
  readonly signal: AbortSignal;
}

/** The study's text, which every fake server has. */
export const CONSENT = {
  text: "# May we record you?\n\nYou **decide**.",
  hash: `sha256:${"a".repeat(64)}`,
  required: false,
  retention_days: null as number | null,
};

type Reply = (asked: Asked) => Response | Promise<Response>;

/** Replaces `fetch`: gives prepared answers, and records the requests. */
export class FakeServer {
  readonly asked: Asked[] = [];
  readonly #replies = new Map<string, Reply>([["GET /consent", () => answer(CONSENT)]]);

  constructor() {
    vi.stubGlobal("fetch", async (path: string, init: RequestInit = {}) => {
      const asked: Asked = {
        method: init.method ?? "GET",
        path,
        headers: new Headers(init.headers),
        json: typeof init.body === "string" ? JSON.parse(init.body) : undefined,
        signal: init.signal as AbortSignal,
      };
      this.asked.push(asked);
      const [bare = path] = path.split("?");
      const reply = this.#replies.get(`${asked.method} ${path}`) ?? this.#replies.get(`${asked.method} ${bare}`);
      return reply ? reply(asked) : refusal(404, "not_found", "There is nothing at this address.");
    });
  }

  /** Sets the answer for a route; `what` is like "POST /path". Without a query it is for every query. */
  on(what: string, reply: Reply): this {
    this.#replies.set(what, reply);
    return this;
  }

  /** The requests to one route. */
  to(what: string): Asked[] {
    return this.asked.filter(({ method, path }) => `${method} ${path}` === what);
  }
}

/** An answer that waits until the test releases it. */
export function held(): { reply: Reply; release: (answer: Response) => void } {
  let release!: (answer: Response) => void;
  const promise = new Promise<Response>((resolve) => {
    release = resolve;
  });
  return { reply: () => promise, release };
}

export function answer(document: unknown, status = 200): Response {
  return new Response(JSON.stringify(document), { status, headers: { "Content-Type": "application/json" } });
}

export function refusal(status: number, error: string, detail = "A sentence of the server."): Response {
  return answer({ error, detail }, status);
}

/** Fails as `fetch` does without a network. */
export function unreachable(): never {
  throw new TypeError("Failed to fetch");
}
