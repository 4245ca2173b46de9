import { deadline } from "../api/deadline";
import { at } from "../base";

const PROBE_MS = 10_000;

/** `asking` is a page without the gateway that asks for it again. */
export type ReachState = "reached" | "away" | "asking";

/**
 * Whether the gateway can be reached, as far as the page knows. It asks only if there is a reason to: the worker opened
 * the page without the gateway, or the browser says that the network came or went.
 */
export class Reach {
  #state: ReachState = "reached";
  #isAsking = false;
  readonly #listeners = new Set<() => void>();

  /** `away`: whether the document came from the worker because the gateway did not answer. */
  constructor(away: boolean) {
    if (!away) return;
    this.#state = "away";
    void this.ask(); // the gateway may only have been slow
  }

  readonly state = (): ReachState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    const ask = () => void this.ask();
    for (const event of ["online", "offline"]) window.addEventListener(event, ask);
    return () => {
      this.#listeners.delete(listener);
      for (const event of ["online", "offline"]) window.removeEventListener(event, ask);
    };
  };

  /** Asks the gateway whether it runs, one request at a time. Never throws. */
  readonly ask = async (): Promise<void> => {
    if (this.#isAsking) return;
    this.#isAsking = true;
    if (this.#state === "away") this.#set("asking");
    const answers = await fetch(at("/livez"), { cache: "no-store", signal: deadline(PROBE_MS).signal }).then(
      ({ ok }) => ok,
      () => false,
    );
    this.#isAsking = false;
    this.#set(answers ? "reached" : "away");
  };

  #set(state: ReachState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}

/** `keptShell` in worker/rules.ts marks the document. */
export const reach = new Reach(document.documentElement.dataset["gateway"] === "unreachable");
