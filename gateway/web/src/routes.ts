import type { ComponentType } from "react";

import { GesturePage } from "./pages/GesturePage";
import { HomePage } from "./pages/HomePage";
import { LivePage } from "./pages/LivePage";
import { NotFoundPage } from "./pages/NotFoundPage";
import { SessionPage } from "./pages/SessionPage";
import { UploadPage } from "./pages/UploadPage";

export interface PageRoute {
  readonly path: string;
  /** The document's title, without the name of the project. */
  readonly title: string;
  readonly Page: ComponentType;
}

/** All pages. The gateway serves its shell at these addresses only: `SHELLS` in gateway/http/pages.py. */
export const ROUTES: readonly PageRoute[] = [
  { path: "/", title: "Welcome", Page: HomePage },
  { path: "/demo/session", title: "Session", Page: SessionPage },
  { path: "/demo/gesture", title: "Capture a gesture", Page: GesturePage },
  { path: "/live", title: "Live view", Page: LivePage },
  { path: "/upload", title: "Upload a video", Page: UploadPage },
];

export const NOT_FOUND: PageRoute = { path: "", title: "Not found", Page: NotFoundPage };
