import { at } from "../base";
import { deadline } from "./deadline";
import { failureOf, ApiError, type Failure } from "./failure";

/** What the server says of itself: what is missing, one sentence each; nothing if all is well. */
export type Readiness = { readonly missing: readonly string[] } | { readonly failure: Failure };

/** Asks once. It needs no token, and 503 is an answer like another. Never throws. */
export async function readiness(): Promise<Readiness> {
  try {
    const answer = await fetch(at("/readyz"), { signal: deadline(15_000).signal, cache: "no-store" });
    const { missing } = (await answer.json()) as { missing?: unknown };
    if (answer.ok) return { missing: [] };
    if (Array.isArray(missing)) return { missing: missing.map(String) };
    return { failure: failureOf(new ApiError("unexpected_answer", answer.status)) };
  } catch (error) {
    return { failure: failureOf(new ApiError(error instanceof SyntaxError ? "unexpected_answer" : "network_error")) };
  }
}
