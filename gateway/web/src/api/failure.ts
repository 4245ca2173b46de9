import { sentenceFor } from "./sentences";

/** An error as every page shows it: a code, and a sentence for the person. */
export interface Failure {
  readonly code: string;
  readonly sentence: string;
}

/** A failure whose sentence is looked up each time it is shown, so that it follows the language. */
export function failureWith(code: string, sentence: () => string): Failure {
  return {
    code,
    get sentence() {
      return sentence();
    },
  };
}

/** The server refused a request, or did not answer (then `status` is 0). */
export class ApiError extends Error implements Failure {
  readonly code: string;
  readonly status: number;
  /** After how many seconds to try again; 0 if the server did not say. */
  readonly retryAfterS: number;

  readonly #detail: string;

  constructor(code: string, status = 0, detail = "", retryAfterS = 0) {
    super(`${code}: ${sentenceFor(code, detail)}`);
    this.name = "ApiError";
    this.code = code;
    this.#detail = detail;
    this.status = status;
    this.retryAfterS = retryAfterS;
  }

  get sentence(): string {
    return sentenceFor(this.code, this.#detail);
  }

  /** The server's own sentence, in English; empty if there is none. */
  get detail(): string {
    return this.#detail;
  }
}

/** Whether the server may have done what was asked although no answer came, so that only the same request is repeated. */
export function mayHaveWorked(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status >= 500);
}

/** The failure to show for any error. */
export function failureOf(error: unknown): Failure {
  if (error instanceof ApiError) return failureWith(error.code, () => error.sentence);
  return failureWith("page_error", () => sentenceFor("page_error"));
}
