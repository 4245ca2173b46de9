import { useEffect, useLayoutEffect, useState, type RefObject } from "react";

/** What of an element is on the screen, and a screen more above and below, in pixels from its top. */
export interface Band {
  readonly top: number;
  readonly bottom: number;
}

export interface VisibleBand extends Band {
  /** Whether the page flies by, so fast that no eye can read it. */
  readonly flying: boolean;
}

const STEP_PX = 240;
/** Between two frames: a dozen screens a second. One such step may be a jump; a second one is a flight. */
const FLYING_PX = 200;
const LANDED_MS = 120;

/**
 * Follows the scrolling and the size of the window. It changes only every 240 pixels, so that a frame of scrolling seldom
 * renders anything.
 */
export function useVisibleBand(element: RefObject<HTMLElement | null>): VisibleBand {
  const [band, setBand] = useState<VisibleBand>({ top: 0, bottom: 2 * window.innerHeight, flying: false });

  useEffect(() => {
    let waiting = 0;
    let landing = 0;
    let [before, fast] = [0, 0];
    const landed = () => {
      fast = 0;
      setBand((last) => (last.flying ? { ...last, flying: false } : last));
    };
    const look = () => {
      waiting = 0;
      const shown = element.current;
      if (!shown) return;
      const hidden = -shown.getBoundingClientRect().top;
      fast = Math.abs(hidden - before) > FLYING_PX ? fast + 1 : 0;
      before = hidden;
      const flying = fast > 1;
      window.clearTimeout(landing);
      if (flying) landing = window.setTimeout(landed, LANDED_MS);
      setBand((last) => sameOr(last, { ...bandOf(hidden, window.innerHeight), flying }));
    };
    const changed = () => {
      waiting ||= requestAnimationFrame(look);
    };
    look();
    window.addEventListener("scroll", changed, { passive: true });
    window.addEventListener("resize", changed);
    return () => {
      cancelAnimationFrame(waiting);
      window.clearTimeout(landing);
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

function sameOr(last: VisibleBand, next: VisibleBand): VisibleBand {
  return last.top === next.top && last.bottom === next.bottom && last.flying === next.flying ? last : next;
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
