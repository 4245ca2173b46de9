import type { TokenSource } from "./http";
import type { SignedIn } from "./messages";
import { exchange } from "./signInCode";
import { askWho, may, type Right } from "./signedIn";

/** The open question for the token. */
export interface Question {
  /** Why the last token is refused: the server's code, or `access_ended` if it was revoked. Null before the first one. */
  readonly refusal: string | null;
  /** Whether the person was signed in before, so that the page has something that must not be lost. */
  readonly kept: boolean;
  /** Whether the server is looking at the answer. */
  readonly checking: boolean;
  readonly answer: (token: string | null) => void;
}

/** Who uses the page, as far as it knows. */
export interface Visitor {
  /** Null until the server has said it. Without a name the server asks for no token. */
  readonly who: SignedIn | null;
  /** Whether the server asks for a token, and the page has none that is valid. */
  readonly mustSignIn: boolean;
}

const UNKNOWN: Visitor = { who: null, mustSignIn: false };
const OUT: Visitor = { who: null, mustSignIn: true };

/**
 * Keeps the token, and whose it is, in memory only. While it asks the person, all requests that need a token wait for the
 * same answer. It shows an answer to the server before any of them is sent again, so a wrong one costs nothing else.
 */
export class TokenStore implements TokenSource {
  #token: string | null = null;
  #visitor = UNKNOWN;
  #question: Question | null = null;
  #answer: Promise<string | null> | null = null;
  #exchange: Promise<void> | null = null;
  #needed: Right | undefined;
  readonly #listeners = new Set<() => void>();

  readonly token = (): string | null => this.#token;

  readonly visitor = (): Visitor => this.#visitor;

  readonly question = (): Question | null => this.#question;

  /** Says what the page needs. A person who signs in again on it keeps what it has, so another role is refused there. */
  readonly need = (right: Right | undefined): void => {
    this.#needed = right;
  };

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Finds out who uses the page, unless that is known. `asks`: asks the person, if the server needs a token. */
  readonly enter = async (asks: boolean): Promise<void> => {
    await this.#exchange;
    if (this.#visitor.who) return;
    const token = this.#token;
    const said = await askWho(token);
    if (said === null || this.#token !== token) return;
    if ("who" in said) this.#say({ who: said.who, mustSignIn: false });
    else if (asks) await this.ask(token, said.refusal);
    else this.#say(OUT);
  };

  /** Signs in with a one-time code; requests wait for it. If it is refused, the question for the token says why. */
  readonly signInWith = (code: string): void => {
    this.#exchange = this.#signIn(code);
  };

  async #signIn(code: string): Promise<void> {
    const given = await exchange(code);
    if ("refusal" in given) {
      if (this.#token !== null) return; // a code that is scanned again changes nothing
      this.#answer ??= new Promise((resolve) => {
        this.#say(OUT);
        this.#put({ refusal: given.refusal, kept: false }, resolve);
      });
      return;
    }
    this.#token = given.token;
    this.#visitor = UNKNOWN;
    const said = await askWho(given.token);
    if (said && "who" in said) this.#say({ who: said.who, mustSignIn: false });
  }

  readonly ask = async (refused: string | null, refusal = "token_required"): Promise<string | null> => {
    await this.#exchange;
    // the person has answered another request's question since this request was sent
    if (this.#token !== null && this.#token !== refused) return this.#token;
    this.#answer ??= new Promise((resolve) => {
      const kept = this.#visitor.who !== null;
      const why = kept && refusal === "token_required" ? "access_ended" : refusal;
      this.#say(OUT);
      this.#put({ refusal: refused === null ? null : why, kept }, resolve);
    });
    return this.#answer;
  };

  #put(why: Pick<Question, "refusal" | "kept">, resolve: (token: string | null) => void): void {
    const answer = async (token: string | null) => {
      this.#show({ ...why, checking: true, answer });
      const said = token === null ? null : await askWho(token);
      if (said && "refusal" in said) {
        this.#put({ ...why, refusal: said.refusal }, resolve);
        return;
      }
      // such a role's page would take the place of this one, and of the take that it has
      if (said && why.kept && this.#needed && !may(said.who, this.#needed)) {
        this.#put({ ...why, refusal: "forbidden" }, resolve);
        return;
      }
      this.#token = token;
      this.#answer = null;
      if (said) this.#say({ who: said.who, mustSignIn: false });
      this.#show(null);
      resolve(token);
    };
    this.#show({ ...why, checking: false, answer: (token) => void answer(token) });
  }

  #say(visitor: Visitor): void {
    this.#visitor = visitor;
    this.#notify();
  }

  #show(question: Question | null): void {
    this.#question = question;
    this.#notify();
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }
}
