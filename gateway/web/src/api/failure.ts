import { sentenceFor } from "./sentences";

/** An error as every page shows it: a code, and a sentence for the person. */
export interface Failure {
  readonly code: string;
  readonly sentence: string;
}

/** The server refused a request, or did not answer (then `status` is 0). */
export class ApiError extends Error implements Failure {
  readonly code: string;
  readonly sentence: string;
  readonly status: number;
  /** After how many seconds to try again; 0 if the server did not say. */
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

/** Whether the server may have done what was asked although no answer came, so that only the same request is repeated. */
export function mayHaveWorked(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status >= 500);
}

/** The failure to show for any error. */
export function failureOf(error: unknown): Failure {
  if (error instanceof ApiError) return { code: error.code, sentence: error.sentence };
  return { code: "page_error", sentence: sentenceFor("page_error") };
}
