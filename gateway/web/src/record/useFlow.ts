import { useEffect, useLayoutEffect, useState, useSyncExternalStore } from "react";

import { after, type Action, type Flow, type FlowEvent, type Outcome } from "./flow";

export type Dispatch = (event: FlowEvent) => void;

/** Does what the rules say, in the flow that follows. */
export type Perform = (action: Action, dispatch: Dispatch, flow: Flow) => void;

/** Holds a flow, and does what its rules say. */
class FlowRunner {
  #perform: Perform;
  readonly #listeners = new Set<() => void>();
  #flow: Flow;
  #first: Outcome["actions"];

  constructor({ flow, actions }: Outcome, perform: Perform) {
    this.#perform = perform;
    this.#flow = flow;
    this.#first = actions;
  }

  readonly flow = (): Flow => this.#flow;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Sets the function that does what the rules say: that of the last render. */
  readonly use = (perform: Perform): void => {
    this.#perform = perform;
  };

  /** Does what the flow begins with. */
  begin(): void {
    this.#do(this.#first);
    this.#first = [];
  }

  readonly dispatch: Dispatch = (event) => {
    const { flow, actions } = after(this.#flow, event);
    this.#flow = flow;
    for (const listener of this.#listeners) listener();
    this.#do(actions);
  };

  #do(actions: Outcome["actions"]): void {
    for (const action of actions) this.#perform(action, this.dispatch, this.#flow);
  }
}

/** Runs the rules of `flow.ts`, from the outcome of `begin`. */
export function useFlow(begin: () => Outcome, perform: Perform): readonly [Flow, Dispatch] {
  const [runner] = useState(() => new FlowRunner(begin(), perform));
  const flow = useSyncExternalStore(runner.subscribe, runner.flow);
  useLayoutEffect(() => runner.use(perform));
  useEffect(() => runner.begin(), [runner]);
  return [flow, runner.dispatch];
}
