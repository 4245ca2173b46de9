import { useCallback, useEffect, useState } from "react";

import type { Failure } from "../api/failure";
import { json } from "../api/http";
import type { PipelineInfo } from "../api/messages";
import { useAccess } from "../api/token";
import { pipelinesFailure } from "./RealtimeContext";

export interface Pipelines {
  /** Null until they are known. */
  readonly pipelines: readonly PipelineInfo[] | null;
  readonly failure: Failure | null;
  readonly loading: boolean;
  /** Asks for them again. Never throws. */
  readonly load: () => Promise<void>;
}

type State = Omit<Pipelines, "load">;

/** What the server can look for, asked for once when the component is shown. */
export function usePipelines(): Pipelines {
  const { send } = useAccess();
  const [state, setState] = useState<State>({ pipelines: null, failure: null, loading: true });

  const ask = useCallback(async () => {
    try {
      const pipelines = await json<PipelineInfo[]>(await send("GET", "/pipelines"));
      setState({ pipelines, failure: null, loading: false });
    } catch (error) {
      setState({ pipelines: null, failure: pipelinesFailure(error), loading: false });
    }
  }, [send]);

  const load = useCallback(async () => {
    setState((before) => ({ ...before, loading: true }));
    await ask();
  }, [ask]);

  useEffect(() => void ask(), [ask]);
  return { ...state, load };
}
