import type { ComponentType } from "react";

import type { AllowedProps } from "./pages/Allowed";
import { CapturePage } from "./pages/CapturePage";
import { GesturePage } from "./pages/GesturePage";
import { HomePage } from "./pages/HomePage";
import { LibraryPage } from "./pages/LibraryPage";
import { LivePage } from "./pages/LivePage";
import { NotFoundPage } from "./pages/NotFoundPage";
import { OperatePage } from "./pages/OperatePage";
import { PersonPage } from "./pages/PersonPage";
import { RecordPage } from "./pages/RecordPage";
import { SessionPage } from "./pages/SessionPage";
import { UploadPage } from "./pages/UploadPage";
import type { Words } from "./words";

/** The values of the parts in braces of a page's path. */
export type PathParameters = Readonly<Record<string, string>>;

export interface PageRoute {
  /** A part in braces stands for any text without a slash: "/library/person/{user_id}". */
  readonly path: string;
  /** The document's title, without the name of the project: its key among the titles in `words/common.ts`. */
  readonly title: keyof Words["common"]["titles"];
  /** What the person who is signed in must be allowed to do; without it, the page is for all. */
  readonly needs?: AllowedProps["needs"];
  readonly Page: ComponentType<{ readonly parameters: PathParameters }>;
}

/** All pages. The gateway serves its shell at these addresses only: `SHELLS` in gateway/http/pages.py. */
export const ROUTES: readonly PageRoute[] = [
  { path: "/", title: "home", Page: HomePage },
  { path: "/demo/session", title: "session", needs: "record", Page: SessionPage },
  { path: "/demo/gesture", title: "gesture", needs: "record", Page: GesturePage },
  { path: "/record", title: "record", needs: "record", Page: RecordPage },
  { path: "/live", title: "live", needs: "record", Page: LivePage },
  { path: "/upload", title: "upload", needs: "record", Page: UploadPage },
  { path: "/library", title: "library", needs: "see", Page: LibraryPage },
  { path: "/library/capture/{capture_id}", title: "capture", needs: "see", Page: CapturePage },
  { path: "/library/person/{user_id}", title: "person", needs: "see", Page: PersonPage },
  { path: "/operate", title: "operate", needs: "operate", Page: OperatePage },
];

export const NOT_FOUND: PageRoute = { path: "", title: "notFound", Page: NotFoundPage };

/** The page at a path, and the values of the parameters in it. */
export function routeAt(path: string): { readonly route: PageRoute; readonly parameters: PathParameters } {
  for (const route of ROUTES) {
    const parameters = parametersIn(route.path, path);
    if (parameters) return { route, parameters };
  }
  return { route: NOT_FOUND, parameters: {} };
}

function parametersIn(pattern: string, path: string): PathParameters | null {
  const [wanted, given] = [pattern.split("/"), path.split("/")];
  if (wanted.length !== given.length) return null;
  const parameters: Record<string, string> = {};
  for (const [place, part] of wanted.entries()) {
    const value = given[place];
    if (value && part.startsWith("{")) parameters[part.slice(1, -1)] = decoded(value);
    else if (part !== value) return null;
  }
  return parameters;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a person typed a lone percent sign
  }
}
