import { useEffect, useState } from "react";

import { rememberedFlag, rememberFlag } from "../session/remembered";

type Draw = (now: number) => void;

const EVERY_MS = 80;
const SCROLLED_MS = 150;

/**
 * Draws all moving pictures of a page in one loop, a dozen times a second. It rests while there is none, and while the page
 * scrolls, which then has the time to itself.
 */
class Movement {
  readonly #pictures = new Set<Draw>();
  #last = 0;
  #request = 0;
  #scrolled = Number.NEGATIVE_INFINITY;

  /** Calls `draw` again and again, with a time in milliseconds, until the returned function is called. */
  add(draw: Draw): () => void {
    this.#pictures.add(draw);
    if (this.#pictures.size === 1) {
      this.#request = requestAnimationFrame(this.#turn);
      window.addEventListener("scroll", this.#scrolls, { passive: true });
    }
    return () => {
      this.#pictures.delete(draw);
      if (this.#pictures.size > 0) return;
      cancelAnimationFrame(this.#request);
      window.removeEventListener("scroll", this.#scrolls);
    };
  }

  readonly #scrolls = (): void => {
    this.#scrolled = performance.now();
  };

  readonly #turn = (now: number): void => {
    this.#request = requestAnimationFrame(this.#turn);
    if (now - this.#last < EVERY_MS || now - this.#scrolled < SCROLLED_MS) return;
    this.#last = now;
    for (const draw of this.#pictures) draw(now);
  };
}

export const movement = new Movement();

const LESS_MOTION = "(prefers-reduced-motion: reduce)";

/** Whether pictures move, and the function that changes it. They rest if the person's system asks for less motion. */
export function useMoving(): readonly [moving: boolean, set: (moving: boolean) => void] {
  const [moving, setMoving] = useState(
    () => !window.matchMedia(LESS_MOTION).matches && rememberedFlag("movement", true),
  );

  useEffect(() => {
    const wish = window.matchMedia(LESS_MOTION);
    const heed = () => {
      if (wish.matches) setMoving(false);
    };
    wish.addEventListener("change", heed);
    return () => wish.removeEventListener("change", heed);
  }, []);

  function set(next: boolean): void {
    rememberFlag("movement", next);
    setMoving(next);
  }
  return [moving, set];
}
