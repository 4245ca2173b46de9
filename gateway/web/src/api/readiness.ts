import { at } from "../base";
import { deadline } from "./deadline";
import { failureOf, ApiError, type Failure } from "./failure";

/** The server's state: sentences that say what is missing (none if it is ready), or a failure. */
export type Readiness = { readonly missing: readonly string[] } | { readonly failure: Failure };

/** Asks the server once. Needs no token. A 503 is a normal answer here, and this never throws. */
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
