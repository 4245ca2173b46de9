import { Suspense, useEffect, useRef } from "react";

import { TokenProvider } from "./api/token";
import { ErrorBoundary } from "./components/ErrorBoundary";
import { usePath } from "./navigation";
import { NOT_FOUND, ROUTES } from "./routes";
import { SessionProvider, useSession } from "./session/useSession";

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

/** An open session stays open on the server: who closes or reloads the page is asked first. A reload goes on with it. */
function useOpenSessionQuestion(): void {
  const open = useSession().session !== null;
  useEffect(() => {
    if (!open) return undefined;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, [open]);
}

function CurrentPage() {
  useOpenSessionQuestion();
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
