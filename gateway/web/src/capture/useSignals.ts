import { useEffect, useRef, useState } from "react";

import { rememberFlag, rememberedFlag } from "../session/remembered";
import type { Phase } from "./protocol";
import { playSignal, type Signal } from "./signals";

export interface Signals {
  readonly on: boolean;
  readonly turn: (on: boolean) => void;
}

/** Plays a signal when recording begins, ends or fails. The person can turn the signals off for this tab. */
export function useSignals(phase: Phase | null): Signals {
  const [on, setOn] = useState(() => rememberedFlag("signals", true));
  const before = useRef(phase);
  useEffect(() => {
    const signal = phase && signalFor(before.current, phase);
    before.current = phase;
    if (signal && on) playSignal(signal);
  }, [on, phase]);

  function turn(now: boolean) {
    rememberFlag("signals", now);
    setOn(now);
  }
  return { on, turn };
}

/** The signal for a change of the phase; null for none. */
export function signalFor(before: Phase | null, now: Phase): Signal | null {
  if (before === now) return null;
  if (now === "recording") return "start";
  if (before === "recording" && now !== "failed") return "end";
  return now === "failed" && before === "recording" ? "failed" : null;
}
