import type { TokenSource } from "./http";

/** The question that is open: whether the last token did not do, and where the answer goes. */
export interface Question {
  readonly refused: boolean;
  readonly settle: (token: string | null) => void;
}

/** Keeps the token, in memory only. While it asks for one, every request that needs it waits for the same answer. */
export class TokenDesk implements TokenSource {
  #token: string | null = null;
  #question: Question | null = null;
  #answer: Promise<string | null> | null = null;
  readonly #listeners = new Set<() => void>();

  readonly token = (): string | null => this.#token;

  readonly question = (): Question | null => this.#question;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly ask = (refused: string | null): Promise<string | null> => {
    if (this.#token !== null && this.#token !== refused) return Promise.resolve(this.#token); // given meanwhile
    this.#answer ??= new Promise((resolve) => {
      this.#show({
        refused: refused !== null,
        settle: (token) => {
          this.#token = token;
          this.#answer = null;
          this.#show(null);
          resolve(token);
        },
      });
    });
    return this.#answer;
  };

  #show(question: Question | null): void {
    this.#question = question;
    for (const listener of this.#listeners) listener();
  }
}
