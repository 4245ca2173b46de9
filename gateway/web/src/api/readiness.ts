import { at } from "../base";
import { failureOf, ApiError, type Failure } from "./failure";

/** What the server says of itself: what is missing, one sentence each; nothing if all is well. */
export type Readiness = { readonly missing: readonly string[] } | { readonly failure: Failure };

/** Asks once. It needs no token, and 503 is an answer like another. Never throws. */
export async function readiness(): Promise<Readiness> {
  try {
    const answer = await fetch(at("/readyz"), { signal: AbortSignal.timeout(15_000), cache: "no-store" });
    const { missing } = (await answer.json()) as { missing?: unknown };
    if (answer.ok) return { missing: [] };
    if (Array.isArray(missing)) return { missing: missing.map(String) };
    return { failure: failureOf(new ApiError("unexpected_answer", answer.status)) };
  } catch (error) {
    return { failure: failureOf(new ApiError(error instanceof SyntaxError ? "unexpected_answer" : "network_error")) };
  }
}
