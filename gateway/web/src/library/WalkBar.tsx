import { Button } from "../components/Button";
import { Link } from "../navigation";
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
  return (
    <nav className="walk" aria-label="Captures of the list">
      <Link className="walk-back" to={`/library${query}`}>
        {query ? "Back to the list" : "Back to the library"}
      </Link>
      <span className="walk-place">{placeInWords(walk)}</span>
      <Step to={walk.previous} query={query} shortcut={keys ? "p" : undefined} name="Previous" />
      <Step to={walk.next} query={query} shortcut={keys ? "n" : undefined} name="Next" />
      <Button tone="quiet" shortcut={keys ? "?" : undefined} onClick={onHelp}>
        Keys
      </Button>
    </nav>
  );
}

/** Where a capture is in its list: "3 of 128". */
export function placeInWords({ place, total }: Pick<Walk, "place" | "total">): string {
  if (total === null) return "";
  return place === null ? `Not in this list of ${total}` : `${place} of ${total}`;
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
