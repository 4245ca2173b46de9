import { useEffect, useState } from "react";

import { readiness } from "../api/readiness";
import { useWords } from "../words";

/** A sentence that says why the capture must wait for the server; null if it does not wait. */
export function useWaitReason(waiting: boolean): string | null {
  const { busyServer } = useWords().capture;
  const [missing, setMissing] = useState<readonly string[]>([]);
  useEffect(() => {
    if (!waiting) return undefined;
    let gone = false;
    async function ask() {
      const answer = await readiness();
      if (!gone && "missing" in answer) setMissing(answer.missing);
    }
    void ask();
    return () => {
      gone = true;
    };
  }, [waiting]);
  return waiting ? (missing[0] ?? busyServer) : null;
}
