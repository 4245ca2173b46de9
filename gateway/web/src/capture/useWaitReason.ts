import { useEffect, useState } from "react";

import { readiness } from "../api/readiness";

const BUSY = "Another capture is being worked on. Yours begins when that is done.";

/** Why a capture that waits for the server has to wait, as a sentence; null while none waits. */
export function useWaitReason(waiting: boolean): string | null {
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
  return waiting ? (missing[0] ?? BUSY) : null;
}
