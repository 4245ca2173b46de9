import { useEffect, useState } from "react";

import { rememberedFlag, rememberFlag } from "../session/remembered";

type Draw = (now: number) => void;

const EVERY_MS = 80;

/** Draws all moving pictures of a page in one loop, a dozen times a second; it rests while there is none. */
class Movement {
  readonly #pictures = new Set<Draw>();
  #last = 0;
  #request = 0;

  /** Calls `draw` again and again, with a time in milliseconds, until the returned function is called. */
  add(draw: Draw): () => void {
    this.#pictures.add(draw);
    if (this.#pictures.size === 1) this.#request = requestAnimationFrame(this.#turn);
    return () => {
      this.#pictures.delete(draw);
      if (this.#pictures.size === 0) cancelAnimationFrame(this.#request);
    };
  }

  readonly #turn = (now: number): void => {
    this.#request = requestAnimationFrame(this.#turn);
    if (now - this.#last < EVERY_MS) return;
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
