import type { ReactNode } from "react";

import { Link, usePath } from "../navigation";

export interface PageProps {
  /** The page's one h1. */
  readonly title: string;
  /** One or two sentences under it. */
  readonly lead?: ReactNode;
  readonly children: ReactNode;
}

const LINKS = [
  { to: "/", name: "Home" },
  { to: "/live", name: "Live view" },
  { to: "/upload", name: "Upload" },
];

/** What every page is in: a way past the navigation, the navigation, one heading. The demo pages stay unlinked. */
export function Page({ title, lead, children }: PageProps) {
  const path = usePath();
  return (
    <>
      <a className="skip-link" href="#main">
        Skip to the page
      </a>
      <header className="site-header">
        <div className="site-header-inner">
          <span className="brand">A3CP</span>
          <nav aria-label="Pages">
            <ul className="nav">
              {LINKS.map(({ to, name }) => (
                <li key={to}>
                  <Link to={to} aria-current={to === path ? "page" : undefined}>
                    {name}
                  </Link>
                </li>
              ))}
            </ul>
          </nav>
        </div>
      </header>
      <main id="main" className="page" tabIndex={-1}>
        <h1 tabIndex={-1}>{title}</h1>
        {lead && <p className="lead">{lead}</p>}
        {children}
      </main>
    </>
  );
}
