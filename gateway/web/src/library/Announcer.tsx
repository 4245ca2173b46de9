import { useCallback, useState } from "react";

import { useWords } from "../words";

export interface Said {
  readonly words: string;
  readonly turn: number;
}

/** What a screen reader is told, and the function that tells it; the same words again are told again. */
export function useAnnouncer(): readonly [said: Said, announce: (words: string) => void] {
  const [said, setSaid] = useState<Said>({ words: "", turn: 0 });
  const announce = useCallback((words: string) => setSaid(({ turn }) => ({ words, turn: turn + 1 })), []);
  return [said, announce];
}

/** Tells screen readers what a key did, and shows it for a while. */
export function Announcer({ said: { words, turn } }: { readonly said: Said }) {
  const { happened } = useWords().libraryCapture;
  return (
    <p className="announcer" role="status" aria-label={happened}>
      {words && <span key={turn}>{words}</span>}
    </p>
  );
}
