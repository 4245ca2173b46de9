import { useEffect, type ReactNode } from "react";

import type { Right } from "../api/signedIn";
import { useAccess, useMay } from "../api/token";
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
  const { enter, store } = useAccess();
  const allows = useMay();
  const { access } = useWords();

  useEffect(() => {
    store.need(needs);
    void enter(needs !== undefined);
  }, [enter, needs, store]);

  if (needs === undefined || allows(needs)) return children;
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
