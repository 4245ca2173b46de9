import { failureOf } from "./failure";
import { once, refusalOf } from "./http";

/** What the server gives for a one-time code: a token, or the code with which it refuses. */
export type Given = { readonly token: string } | { readonly refusal: string };

/**
 * Takes the one-time code out of the page's address, where a QR code puts it behind the `#`. It then is neither on the
 * screen nor in the browser's history. Null if there is none.
 */
export function takeCode(): string | null {
  const { hash, pathname, search } = window.location;
  const code = new URLSearchParams(hash.slice(1)).get("code");
  if (code !== null) window.history.replaceState(window.history.state, "", pathname + search);
  return code;
}

/** Exchanges a one-time code for this device's token. Never throws. */
export async function exchange(code: string): Promise<Given> {
  try {
    const answer = await once("POST", "/access/code", { json: { code } }, null);
    if (!answer.ok) return { refusal: (await refusalOf(answer)).code };
    return { token: ((await answer.json()) as { token: string }).token };
  } catch (error) {
    return { refusal: failureOf(error).code };
  }
}
