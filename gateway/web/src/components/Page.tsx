import type { ReactNode } from "react";

import { Link, usePath } from "../navigation";

export interface PageProps {
  /** The page's one h1. */
  readonly title: string;
  /** One or two sentences under it. */
  readonly lead?: ReactNode;
  /** Something is under way that needs the whole screen: heading and lead give it their room. */
  readonly focused?: boolean;
  readonly children: ReactNode;
}

const LINKS = [
  { to: "/demo/gesture", name: "Record", rest: "a gesture" },
  { to: "/live", name: "Live view" },
  { to: "/upload", name: "Upload" },
];

/** What every page is in: a way past the navigation, the navigation, one heading. The sessions' page stays unlinked. */
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
