import { failureOf, type Failure } from "../api/failure";
import type { LibraryApi, LibraryCapture } from "./api";
import type { Filters } from "./query";

/** What is known of a list so far. */
export interface ListState {
  readonly captures: readonly LibraryCapture[];
  /** How many captures the whole list has; null before the first answer. */
  readonly total: number | null;
  readonly loading: boolean;
  /** Whether the server has more captures than are loaded. */
  readonly more: boolean;
  readonly failure: Failure | null;
}

const EMPTY: ListState = { captures: [], total: null, loading: false, more: true, failure: null };
const FIRST_PAGE = 60;
const LATER_PAGE = 200;
const WHOLE_PAGE = 500;

/** A list of captures that is loaded page by page, for `useSyncExternalStore`. */
export class CaptureList {
  readonly filters: Filters;
  /** How far the person had scrolled, in pixels, so that the page is there again when they come back. */
  scrolled = 0;
  readonly #api: Pick<LibraryApi, "captures">;
  readonly #listeners = new Set<() => void>();
  #state = EMPTY;
  #next: string | null = null;
  #running: Promise<void> | null = null;

  constructor(api: Pick<LibraryApi, "captures">, filters: Filters) {
    this.#api = api;
    this.filters = filters;
  }

  readonly state = (): ListState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Loads the next page, unless one is being loaded or there is none. Never throws: see `failure`. */
  readonly loadMore = (): Promise<void> => {
    if (!this.#state.more) return Promise.resolve();
    return this.#load(this.#state.captures.length === 0 ? FIRST_PAGE : LATER_PAGE);
  };

  /** Loads all pages. Returns whether it could. */
  readonly loadAll = async (): Promise<boolean> => {
    while (this.#state.more) {
      await this.#load(WHOLE_PAGE);
      if (this.#state.failure) return false;
    }
    return true;
  };

  /** Loads the list again from its beginning; what is shown stays until the answer comes. */
  readonly reload = (): Promise<void> => this.#loadAgain(0);

  /** Loads again as much of the list as is loaded already; what is shown stays until all of it is there. */
  readonly refresh = (): Promise<void> => this.#loadAgain(this.#state.captures.length);

  /** Changes captures of the list as a statement has changed them on the server. */
  update(changes: ReadonlyMap<string, Partial<LibraryCapture>>): void {
    const captures = this.#state.captures.map((capture) => {
      const change = changes.get(capture.capture_id);
      return change ? { ...capture, ...change } : capture;
    });
    this.#set({ captures });
  }

  async #loadAgain(least: number): Promise<void> {
    while (this.#running) await this.#running; // another caller that waited for it may have started the next one
    this.#next = null;
    this.#set({ more: true });
    await this.#load(Math.max(FIRST_PAGE, Math.min(least, WHOLE_PAGE)), least);
  }

  #load(limit: number, least = 0): Promise<void> {
    this.#running ??= this.#request(limit, least);
    return this.#running;
  }

  /** Asks for one page, and for more until there are `least` captures. Without a cursor the list begins again. */
  async #request(limit: number, least: number): Promise<void> {
    this.#set({ loading: true, failure: null });
    try {
      let cursor = this.#next;
      const captures = cursor === null ? [] : [...this.#state.captures];
      let total = 0;
      do {
        const page = await this.#api.captures(this.filters, { limit, ...(cursor === null ? {} : { cursor }) });
        captures.push(...page.captures);
        ({ total, next: cursor } = page);
      } while (cursor !== null && captures.length < least);
      this.#next = cursor;
      this.#running = null; // before the listeners hear of it: one of them may ask for more at once
      this.#set({ captures, total, loading: false, more: cursor !== null });
    } catch (error) {
      this.#running = null;
      this.#set({ loading: false, failure: failureOf(error) });
    }
  }

  #set(changes: Partial<ListState>): void {
    this.#state = { ...this.#state, ...changes };
    for (const listener of this.#listeners) listener();
  }
}
