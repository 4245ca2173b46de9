import type { ReactNode } from "react";

import { useMay, useVisitor } from "../api/token";
import { Link, usePath } from "../navigation";
import { UnreachableNotice } from "../phone/UnreachableNotice";
import { useWords } from "../words";
import { LanguageChoice } from "./LanguageChoice";
import { SignedIn } from "./SignedIn";

export interface PageProps {
  /** The page's only h1. */
  readonly title: string;
  /** One or two sentences below the title. */
  readonly lead?: ReactNode;
  /** Whether the content needs the whole screen, as a running capture does: the heading shrinks and the lead is hidden. */
  readonly focused?: boolean;
  readonly children: ReactNode;
}

const LINKS = [
  { to: "/demo/gesture", words: "record", needs: "record" },
  { to: "/live", words: "live", needs: "record" },
  { to: "/upload", words: "upload", needs: "record" },
  { to: "/library", words: "library", needs: "see" },
] as const;

/** For the person who runs the server, if they have signed in. */
const OPERATE = { to: "/operate", words: "operate" } as const;

/**
 * The frame of every page: a skip link, the navigation, the heading, the language. The navigation has no link to the
 * session page.
 */
export function Page({ title, lead, focused = false, children }: PageProps) {
  const path = usePath();
  const { who } = useVisitor();
  const allows = useMay();
  const allowed = LINKS.filter(({ needs }) => allows(needs));
  const links = who?.name && allows("operate") ? [...allowed, OPERATE] : allowed;
  const { common } = useWords();
  return (
    <>
      <a className="skip-link" href="#main">
        {common.skip}
      </a>
      <header className="site-header">
        <div className="site-header-inner">
          <Link className="brand" to="/" title={common.brandTitle}>
            A3CP
          </Link>
          <nav aria-label={common.pages}>
            <ul className="nav">
              {links.map(({ to, words }) => (
                <li key={to}>
                  <Link to={to} aria-current={to === path ? "page" : undefined}>
                    {common.nav[words].name}
                    <span className="nav-rest">{common.nav[words].rest}</span>
                  </Link>
                </li>
              ))}
            </ul>
          </nav>
          {!focused && <SignedIn />}
        </div>
      </header>
      <main id="main" className={focused ? "page page-focused" : "page"} tabIndex={-1}>
        <h1 tabIndex={-1}>{title}</h1>
        {lead && !focused && <p className="lead">{lead}</p>}
        {!focused && <UnreachableNotice />}
        {children}
      </main>
      {!focused && (
        <footer className="site-footer">
          <LanguageChoice />
        </footer>
      )}
    </>
  );
}
