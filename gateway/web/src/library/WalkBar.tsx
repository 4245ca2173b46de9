import { Button } from "../components/Button";
import { Link } from "../navigation";
import { useWords, words } from "../words";
import { addressOf, type LibraryCapture } from "./api";
import type { Walk } from "./useWalk";

export interface WalkBarProps {
  readonly walk: Walk;
  readonly query: string;
  readonly keys: boolean;
  readonly onHelp: () => void;
}

/** The way back to the list, and to the captures beside this one. */
export function WalkBar({ walk, query, keys, onHelp }: WalkBarProps) {
  const { walk: texts } = useWords().libraryCapture;
  return (
    <nav className="walk" aria-label={texts.label}>
      <Link className="walk-back" to={`/library${query}`}>
        {query ? texts.toList : texts.toLibrary}
      </Link>
      <span className="walk-place">{placeInWords(walk)}</span>
      <Step to={walk.previous} query={query} shortcut={keys ? "p" : undefined} name={texts.previous} />
      <Step to={walk.next} query={query} shortcut={keys ? "n" : undefined} name={texts.next} />
      <Button tone="quiet" shortcut={keys ? "?" : undefined} onClick={onHelp}>
        {texts.keys}
      </Button>
    </nav>
  );
}

/** Where a capture is in its list: "3 of 128". */
export function placeInWords({ place, total }: Pick<Walk, "place" | "total">): string {
  const { walk: texts } = words().libraryCapture;
  if (total === null) return "";
  return place === null ? texts.notInList(total) : texts.place(place, total);
}

interface StepProps {
  readonly to: LibraryCapture | null;
  readonly query: string;
  readonly shortcut: string | undefined;
  readonly name: string;
}

function Step({ to, query, shortcut, name }: StepProps) {
  const key = shortcut && (
    <kbd className="key" aria-hidden="true">
      {shortcut.toUpperCase()}
    </kbd>
  );
  if (!to) {
    return (
      <span className="button button-quiet" role="link" aria-disabled="true" tabIndex={0}>
        {name}
        {key}
      </span>
    );
  }
  return (
    <Link className="button button-quiet" to={addressOf(to, query)} replace aria-keyshortcuts={shortcut}>
      {name}
      {key}
    </Link>
  );
}
