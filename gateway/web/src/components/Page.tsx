import type { ReactNode } from "react";

import { Link, usePath } from "../navigation";

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
  { to: "/demo/gesture", name: "Record", rest: "a gesture" },
  { to: "/live", name: "Live", rest: "view" },
  { to: "/upload", name: "Upload" },
  { to: "/library", name: "Library" },
];

/** The frame of every page: a skip link, the navigation, the heading. The navigation has no link to the session page. */
export function Page({ title, lead, focused = false, children }: PageProps) {
  const path = usePath();
  return (
    <>
      <a className="skip-link" href="#main">
        Skip to the page
      </a>
      <header className="site-header">
        <div className="site-header-inner">
          <Link className="brand" to="/" title="A3CP, the first page">
            A3CP
          </Link>
          <nav aria-label="Pages">
            <ul className="nav">
              {LINKS.map(({ to, name, rest }) => (
                <li key={to}>
                  <Link to={to} aria-current={to === path ? "page" : undefined}>
                    {name}
                    {rest && (
                      <>
                        {" "}
                        <span className="nav-rest">{rest}</span>
                      </>
                    )}
                  </Link>
                </li>
              ))}
            </ul>
          </nav>
        </div>
      </header>
      <main id="main" className={focused ? "page page-focused" : "page"} tabIndex={-1}>
        <h1 tabIndex={-1}>{title}</h1>
        {lead && !focused && <p className="lead">{lead}</p>}
        {children}
      </main>
    </>
  );
}
