import { Suspense, useEffect, useRef } from "react";

import { TokenProvider } from "./api/token";
import { ErrorBoundary } from "./components/ErrorBoundary";
import { usePath } from "./navigation";
import { NOT_FOUND, ROUTES } from "./routes";
import { SessionProvider } from "./session/useSession";

/** What all pages share: the token, in memory only, and the session, which a reload goes on with. */
export function App() {
  return (
    <TokenProvider>
      <SessionProvider>
        <ErrorBoundary>
          <CurrentPage />
        </ErrorBoundary>
      </SessionProvider>
    </TokenProvider>
  );
}

function CurrentPage() {
  const path = usePath();
  const { title, Page } = ROUTES.find((route) => route.path === path) ?? NOT_FOUND;
  const shown = useRef(Page);

  useEffect(() => {
    document.title = `${title} · A3CP`;
  }, [title]);

  useEffect(() => {
    if (shown.current === Page) return;
    shown.current = Page;
    // a screen reader reads on where the new page begins, as after a real page load
    document.querySelector("h1")?.focus();
  }, [Page]);

  return (
    <Suspense fallback={null}>
      <Page />
    </Suspense>
  );
}
