import { useEffect, useLayoutEffect, useState, type RefObject } from "react";

/** What of an element is on the screen, and a screen more above and below, in pixels from its top. */
export interface Band {
  readonly top: number;
  readonly bottom: number;
}

const STEP_PX = 240;

/**
 * Follows the scrolling and the size of the window. It changes only every 240 pixels, so that a frame of scrolling seldom
 * renders anything.
 */
export function useVisibleBand(element: RefObject<HTMLElement | null>): Band {
  const [band, setBand] = useState<Band>({ top: 0, bottom: 2 * window.innerHeight });

  useEffect(() => {
    let waiting = 0;
    const look = () => {
      waiting = 0;
      const shown = element.current;
      if (shown) setBand((last) => sameOr(last, bandOf(-shown.getBoundingClientRect().top, window.innerHeight)));
    };
    const changed = () => {
      waiting ||= requestAnimationFrame(look);
    };
    look();
    window.addEventListener("scroll", changed, { passive: true });
    window.addEventListener("resize", changed);
    return () => {
      cancelAnimationFrame(waiting);
      window.removeEventListener("scroll", changed);
      window.removeEventListener("resize", changed);
    };
  }, [element]);

  return band;
}

/** The band for an element of which `hidden` pixels are above the window. */
export function bandOf(hidden: number, windowHeight: number): Band {
  const top = Math.floor((hidden - windowHeight) / STEP_PX) * STEP_PX;
  const bottom = Math.ceil((hidden + 2 * windowHeight) / STEP_PX) * STEP_PX;
  return { top, bottom };
}

function sameOr(last: Band, next: Band): Band {
  return last.top === next.top && last.bottom === next.bottom ? last : next;
}

/** The width of an element and the size of the page's letters, in pixels. */
export function useWidth(element: RefObject<HTMLElement | null>): { readonly width: number; readonly rem: number } {
  const [size, setSize] = useState({ width: 0, rem: 16 });

  useLayoutEffect(() => {
    const look = () => {
      const width = element.current?.clientWidth ?? 0;
      const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
      setSize((last) => (last.width === width && last.rem === rem ? last : { width, rem }));
    };
    look();
    window.addEventListener("resize", look);
    return () => window.removeEventListener("resize", look);
  }, [element]);

  return size;
}
