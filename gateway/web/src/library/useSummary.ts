import { useCallback, useEffect, useRef, useState } from "react";

import { failureOf, type Failure } from "../api/failure";
import type { LibrarySummary } from "../api/messages";
import { useLibraryApi } from "./api";

/** The values that are counted, without the empty one. */
export function valuesOf(counts: Readonly<Record<string, number>> | undefined): readonly string[] {
  return Object.keys(counts ?? {}).filter(Boolean);
}

/** The numbers of all recorded captures. `summary` is null before the first answer. */
export function useSummary(): {
  readonly summary: LibrarySummary | null;
  readonly failure: Failure | null;
  readonly reload: () => Promise<void>;
} {
  const api = useLibraryApi();
  const [summary, setSummary] = useState<LibrarySummary | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const asked = useRef<AbortController>(null);

  const reload = useCallback(async () => {
    asked.current?.abort();
    const { signal } = (asked.current = new AbortController());
    try {
      setSummary(await api.summary(signal));
      setFailure(null);
    } catch (error) {
      if (!signal.aborted) setFailure(failureOf(error));
    }
  }, [api]);

  useEffect(() => {
    void reload();
    return () => asked.current?.abort();
  }, [reload]);

  return { summary, failure, reload };
}
