import { useCallback, useEffect, useState } from "react";

import type { Failure } from "../api/failure";
import { json, type Send } from "../api/http";
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

/** The server's pipelines. The hook asks for them once when the component is shown. */
export function usePipelines(): Pipelines {
  const { send } = useAccess();
  const [state, setState] = useState<State>({ pipelines: null, failure: null, loading: true });

  const load = useCallback(async () => {
    setState((before) => ({ ...before, loading: true }));
    setState(await asked(send));
  }, [send]);

  useEffect(() => void asked(send).then(setState), [send]);
  return { ...state, load };
}

async function asked(send: Send): Promise<State> {
  try {
    const pipelines = await json<PipelineInfo[]>(await send("GET", "/pipelines"));
    return { pipelines, failure: null, loading: false };
  } catch (error) {
    return { pipelines: null, failure: pipelinesFailure(error), loading: false };
  }
}
