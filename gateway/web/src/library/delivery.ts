import { ApiError, failureOf, mayHaveWorked, type Failure } from "../api/failure";

/** A statement about a capture on its way into the session's log. */
export interface Delivery {
  /** What it is about: of two statements with the same topic, the later one counts. */
  readonly topic: string;
  /** The statement in words, for a message about it: "Your answer “Keep” for “more”". */
  readonly words: string;
  /** What is true as long as the log does not have it: "The recording itself is safe." */
  readonly meanwhile: string;
  /** Sends it. Every call has the same `record_id`, so the log has it once, however often an answer is lost. */
  readonly send: () => Promise<unknown>;
}

/** Why a statement is not in the log. */
export interface Undelivered {
  readonly failure: Failure;
  /** Whether it may succeed later. */
  readonly later: boolean;
}

/** How long to wait before each further attempt, in milliseconds. */
export const WAITS_MS = [1_000, 4_000] as const;

/**
 * Sends a statement until the server takes or refuses it, a few times at most. Returns null if it is in the log; never
 * throws.
 * @param isStale whether the person has said something else meanwhile, so that this is not worth another attempt.
 */
export async function deliver(send: Delivery["send"], isStale: () => boolean): Promise<Undelivered | null> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await send();
      return null;
    } catch (error) {
      const later = maySucceedLater(error);
      const wait = WAITS_MS[attempt];
      if (!later || wait === undefined || isStale()) return { failure: failureOf(error), later };
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
}

function maySucceedLater(error: unknown): boolean {
  return mayHaveWorked(error) || (error instanceof ApiError && error.code === "not_recorded");
}
