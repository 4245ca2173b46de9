import { useContext } from "react";

import { RealtimeContext, type Realtime } from "./RealtimeContext";

/** The live connection of the `RealtimeProvider` around this. */
export function useRealtime(): Realtime {
  const realtime = useContext(RealtimeContext);
  if (!realtime) throw new Error("useRealtime needs a RealtimeProvider around it");
  return realtime;
}
