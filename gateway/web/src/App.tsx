import { Suspense, useEffect, useRef } from "react";

import { TokenProvider } from "./api/token";
import { ErrorBoundary } from "./components/ErrorBoundary";
import { usePath } from "./navigation";
import { Allowed } from "./pages/Allowed";
import { routeAt } from "./routes";
import { SessionProvider, useSession } from "./session/useSession";
import { useWords } from "./words";
import { useLanguage } from "./words/language";

/**
 * The application. All pages share the token, which is in memory only, and the session, which survives a reload. It
 * renders again when the language changes, and with it everything below that asks for words while it renders.
 */
export function App() {
  const language = useLanguage();
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
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

/** If a session is open, the browser asks before the person closes or reloads the page: the server keeps it open. */
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
  const {
    route: { title, needs, Page },
    parameters,
  } = routeAt(path);
  const name = useWords().common.titles[title];
  const shown = useRef(Page);

  useEffect(() => {
    document.title = `${name} · A3CP`;
  }, [name]);

  useEffect(() => {
    if (shown.current === Page) return;
    shown.current = Page;
    // so that a screen reader continues at the beginning of the new page, as after a real page load
    document.querySelector("h1")?.focus();
  }, [Page]);

  return (
    <Suspense fallback={null}>
      <Allowed needs={needs} title={name}>
        <Page parameters={parameters} />
      </Allowed>
    </Suspense>
  );
}
