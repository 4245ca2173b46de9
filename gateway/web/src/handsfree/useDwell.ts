import { useEffect, useEffectEvent } from "react";

import type { Point } from "../live/geometry";
import { controlAt } from "./controls";
import { dwellShare, NOWHERE, rested, type Dwell } from "./dwell";

/** With less motion wanted, the ring fills in quarters. */
const QUARTERS = 4;

/** While `on`, calls `onPress` for a control on which the pointer rests, and shows a ring there that fills. */
export function useDwell(on: boolean, dwellMs: number, onPress: (control: HTMLElement) => void): void {
  const press = useEffectEvent(onPress);
  const time = useEffectEvent(() => dwellMs);

  useEffect(() => {
    if (!on) return undefined;
    let pointer: Point | null = null;
    let dwell: Dwell<HTMLElement> = NOWHERE;
    let request = 0;
    const ring = document.createElement("div");
    ring.className = "dwell-ring";
    ring.ariaHidden = "true";
    const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    const move = ({ clientX: x, clientY: y, pointerType }: PointerEvent) => {
      if (pointerType !== "touch") pointer = { x, y }; // a finger presses by itself
    };
    const look = () => {
      request = requestAnimationFrame(look);
      if (!pointer) return;
      const now = performance.now();
      const control = controlAt(document.elementFromPoint(pointer.x, pointer.y));
      const under = control && { target: control, rect: control.getBoundingClientRect() };
      const [next, pressed] = rested(dwell, pointer, under, now, time());
      dwell = next;
      const share = dwellShare(dwell, now, time());
      draw(ring, pointer, calm ? Math.floor(share * QUARTERS) / QUARTERS : share);
      if (pressed) press(pressed);
    };
    document.addEventListener("pointermove", move);
    look();
    return () => {
      cancelAnimationFrame(request);
      ring.remove();
      document.removeEventListener("pointermove", move);
    };
  }, [on]);
}

function draw(ring: HTMLElement, { x, y }: Point, share: number): void {
  // in the dialog, if one is open: it covers everything else
  const host = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
  if (ring.parentElement !== host) host.append(ring);
  for (const [name, value] of [
    ["--x", `${x}px`],
    ["--y", `${y}px`],
    ["--share", share.toFixed(3)],
  ] as const) {
    ring.style.setProperty(name, value);
  }
}
