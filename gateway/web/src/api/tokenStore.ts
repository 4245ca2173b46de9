import type { TokenSource } from "./http";

/** The open question for the token: whether the server refused the last one, and the function that takes the answer. */
export interface Question {
  readonly refused: boolean;
  readonly answer: (token: string | null) => void;
}

/** Keeps the token, in memory only. While it asks the person, all requests that need a token wait for the same answer. */
export class TokenStore implements TokenSource {
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
    // the person has answered another request's question since this request was sent
    if (this.#token !== null && this.#token !== refused) return Promise.resolve(this.#token);
    this.#answer ??= new Promise((resolve) => {
      this.#show({
        refused: refused !== null,
        answer: (token) => {
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
