import { useEffect, type ReactNode } from "react";

import { may, type Right } from "../api/signedIn";
import { useAccess, useVisitor } from "../api/token";
import { Page } from "../components/Page";
import { Link } from "../navigation";
import { useWords } from "../words";

export interface AllowedProps {
  /** What the page needs; without it, the page is for all. */
  readonly needs?: Exclude<Right, "review" | "correct" | "withdraw"> | undefined;
  /** The page's title. */
  readonly title: string;
  readonly children: ReactNode;
}

/**
 * Finds out who uses the page, which asks for the token if the page needs one, and shows a sentence in place of a page that
 * the person's role may not use.
 */
export function Allowed({ needs, title, children }: AllowedProps) {
  const { enter } = useAccess();
  const { who } = useVisitor();
  const { access } = useWords();

  useEffect(() => void enter(needs !== undefined), [enter, needs]);

  if (needs === undefined || who === null || may(who, needs)) return children;
  return (
    <Page title={title}>
      <p>{access.not[needs]}</p>
      <p>{access.instead}</p>
      <p>
        <Link to="/library">{access.library}</Link>
      </p>
    </Page>
  );
}
