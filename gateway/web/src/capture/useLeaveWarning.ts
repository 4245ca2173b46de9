import { useEffect } from "react";

import { words } from "../words";

/** While `active`, asks the person `question` before they leave the page: by closing or reloading it, by a link, or by Back. */
export function useLeaveWarning(active: boolean, question = words().capture.leave): void {
  useEffect(() => {
    if (!active) return undefined;
    const here = window.location.href;
    const before = (event: BeforeUnloadEvent) => event.preventDefault();
    const clicked = (event: MouseEvent) => {
      const link = event.target instanceof Element && event.target.closest("a[href]");
      if (!link || link.getAttribute("href")?.startsWith("#") || window.confirm(question)) return;
      event.preventDefault(); // `Link` in navigation.tsx then does not change the page either
    };
    const moved = (event: PopStateEvent) => {
      if (window.confirm(question)) return;
      event.stopImmediatePropagation();
      window.history.pushState(null, "", here);
    };
    window.addEventListener("beforeunload", before);
    document.addEventListener("click", clicked, { capture: true });
    window.addEventListener("popstate", moved, { capture: true });
    return () => {
      window.removeEventListener("beforeunload", before);
      document.removeEventListener("click", clicked, { capture: true });
      window.removeEventListener("popstate", moved, { capture: true });
    };
  }, [active, question]);
}
