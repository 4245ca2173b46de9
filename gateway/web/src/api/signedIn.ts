import constants from "./constants.json";
import { once } from "./http";
import type { SignedIn } from "./messages";

/** What a page or a button needs. What each role allows comes from contracts/rules/rights.py. */
export type Right = "record" | "see" | "review" | "correct" | "withdraw" | "operate";

/** Whether the role of a person who is signed in allows something. */
export function may({ role }: Pick<SignedIn, "role">, right: Right): boolean {
  return constants.rights[role].includes(right);
}

/** What the server says of a token: who has it; or the code with which it refuses it; or null if it says neither. */
export type Said = { readonly who: SignedIn } | { readonly refusal: string } | null;

/** Asks the server whose token this is. Never throws. */
export async function askWho(token: string | null): Promise<Said> {
  try {
    const answer = await once("GET", "/access/me", {}, token);
    if (answer.ok) return { who: (await answer.json()) as SignedIn };
    if (answer.status !== 401 && answer.status !== 429) return null;
    const { error } = (await answer.json()) as { error?: unknown };
    return { refusal: typeof error === "string" ? error : "token_required" };
  } catch {
    return null; // what the person does next will show why
  }
}
