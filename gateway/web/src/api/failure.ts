import { sentenceFor } from "./sentences";

/** What went wrong, as every page shows it: a code to quote and a sentence to read. */
export interface Failure {
  readonly code: string;
  readonly sentence: string;
}

/** A request that was refused, or got no answer (`status` is 0 then). */
export class ApiError extends Error implements Failure {
  readonly code: string;
  readonly sentence: string;
  readonly status: number;
  /** When to come again, in seconds; 0 if nobody said. */
  readonly retryAfterS: number;

  constructor(code: string, status = 0, detail = "", retryAfterS = 0) {
    const sentence = sentenceFor(code, detail);
    super(`${code}: ${sentence}`);
    this.name = "ApiError";
    this.code = code;
    this.sentence = sentence;
    this.status = status;
    this.retryAfterS = retryAfterS;
  }
}

/** Whatever was thrown, as a failure to show. */
export function failureOf(error: unknown): Failure {
  if (error instanceof ApiError) return { code: error.code, sentence: error.sentence };
  return { code: "page_error", sentence: sentenceFor("page_error") };
}
