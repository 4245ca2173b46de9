import { useCallback, useEffect, useRef, useState } from "react";

import { nameOf } from "./controls";
import { highlighted, SILENT, spoken, startScan, stay, walk } from "./scan";

export interface ScanOptions {
  readonly on: boolean;
  /** The controls to highlight, as they are now. */
  readonly items: () => readonly HTMLElement[];
  readonly paceMs: number;
  /** Whether the highlight waits. */
  readonly held: () => boolean;
  readonly onPress: (control: HTMLElement) => void;
}

export interface ScanHandle {
  /** What a screen reader is told. */
  readonly name: string;
  /** Presses the highlighted control. */
  readonly press: () => void;
}

/** The attribute of the highlighted control. */
const LIT = "data-lit";
const TICK_MS = 100;

/** While `on`, highlights one control after the other. A single one stays highlighted. */
export function useScan(options: ScanOptions): ScanHandle {
  const { on } = options;
  const latest = useRef(options);
  const scan = useRef(startScan<HTMLElement>([], 0));
  const [name, setName] = useState("");
  useEffect(() => {
    latest.current = options;
  });

  useEffect(() => {
    if (!on) return undefined;
    let lit: HTMLElement | null = null;
    let last = SILENT;
    const light = (next: HTMLElement | null) => {
      lit?.removeAttribute(LIT);
      next?.setAttribute(LIT, "");
      next?.scrollIntoView({ block: "nearest" });
      lit = next;
    };
    const tick = () => {
      const { items, paceMs, held } = latest.current;
      const now = performance.now();
      scan.current = walk(scan.current, items(), now, paceMs, held());
      const control = highlighted(scan.current);
      if (control && lit !== shownFor(control)) light(shownFor(control));
      if (!control && lit) light(null);
      last = spoken(last, control ? nameOf(control) : "", now);
      setName(last.name);
    };
    tick();
    const timer = setInterval(tick, TICK_MS);
    return () => {
      clearInterval(timer);
      light(null);
      scan.current = startScan([], 0);
      setName("");
    };
  }, [on]);

  const press = useCallback(() => {
    const { items, onPress } = latest.current;
    const control = highlighted(scan.current);
    // the page may have changed since the last look: what the person has not seen lit is not pressed
    if (!control || !items().includes(control)) return;
    scan.current = stay(scan.current, performance.now());
    onPress(control);
  }, []);
  return { name, press };
}

/** What is lit for a control: its label with it, because a check box alone is small. */
function shownFor(control: HTMLElement): HTMLElement {
  return control.closest("label") ?? control;
}
