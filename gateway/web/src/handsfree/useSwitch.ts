import { useEffect, useEffectEvent } from "react";

import { padEdges, pressedButtons } from "./gamepad";
import { isSwitchKey } from "./keys";
import { afterEdge, RELEASED, type Edge } from "./presses";

/** Where a mouse and a finger keep their meaning: the settings, so that a person who helps can always change them. */
export const OWN = "[data-handsfree]";

/**
 * While `on`, calls `onPress` for each press of a switch: any key, the pointer anywhere, a button of a gamepad. The page does not
 * get these keys and clicks.
 */
export function useSwitch(on: boolean, gapMs: number, onPress: () => void): void {
  const signal = useEffectEvent(onPress);
  const gap = useEffectEvent(() => gapMs);

  useEffect(() => {
    if (!on) return undefined;
    let presses = RELEASED;
    const note = (edge: Edge) => {
      const [next, isPress] = afterEdge(presses, edge, gap());
      presses = next;
      if (isPress) signal();
    };
    const over = new AbortController();
    listenToKeys(note, over.signal);
    listenToPointer(note, over.signal);
    // while another window has the keyboard, the page does not hear that a key comes up
    window.addEventListener("blur", () => (presses = { ...presses, held: [] }), { signal: over.signal });
    const stopPads = watchPads(note);
    return () => {
      over.abort();
      stopPads();
    };
  }, [on]);
}

type Note = (edge: Edge) => void;

const POINTER = "pointer";

/** Takes an event away from the page. */
function take(event: Event): void {
  event.preventDefault();
  event.stopPropagation();
}

function listenToKeys(note: Note, signal: AbortSignal): void {
  const taken = new Set<string>();
  const options = { capture: true, signal };
  window.addEventListener(
    "keydown",
    (event) => {
      if (taken.has(event.code)) return take(event); // it repeats itself
      if (!isSwitchKey(event)) return;
      take(event);
      taken.add(event.code);
      note({ source: event.code, down: true, atMs: performance.now() });
    },
    options,
  );
  window.addEventListener(
    "keyup",
    (event) => {
      if (!taken.delete(event.code)) return;
      take(event); // a button is pressed by the space bar that comes up
      note({ source: event.code, down: false, atMs: performance.now() });
    },
    options,
  );
  window.addEventListener("blur", () => taken.clear(), { signal });
}

function isOwn({ target }: Event): boolean {
  return target instanceof Element && target.closest(OWN) !== null;
}

function listenToPointer(note: Note, signal: AbortSignal): void {
  const options = { capture: true, signal };
  window.addEventListener(
    "pointerdown",
    (event) => !isOwn(event) && note({ source: POINTER, down: true, atMs: performance.now() }),
    options,
  );
  for (const name of ["pointerup", "pointercancel"] as const) {
    window.addEventListener(name, () => note({ source: POINTER, down: false, atMs: performance.now() }), options);
  }
  for (const name of ["mousedown", "click", "auxclick", "contextmenu"] as const) {
    window.addEventListener(
      name,
      (event) => {
        const isVirtual = name === "click" && event.detail === 0; // that of a screen reader, or of the highlight
        if (!isVirtual && !isOwn(event)) take(event);
      },
      options,
    );
  }
}

/** Asks for the gamepads' buttons before each picture of the screen. Returns a function that ends it. */
function watchPads(note: Note): () => void {
  let before: readonly string[] = [];
  let request = 0;
  const look = () => {
    const now = pressedButtons(navigator.getGamepads());
    for (const edge of padEdges(before, now, performance.now())) note(edge);
    before = now;
    request = requestAnimationFrame(look);
  };
  if (typeof navigator.getGamepads === "function") look();
  return () => cancelAnimationFrame(request);
}
