import { readTab, writeTab } from "../tabStorage";
import { readConsent } from "./consent";
import type { Session } from "./useSession";

/**
 * Values that this tab keeps until it is closed, so that they survive a reload: the session, and the typed people and
 * labels, never the token. If the browser refuses to store them, these functions do nothing and return nothing.
 */

const SESSION = "a3cp.session";
const CAPTURES = "a3cp.captures";
const MOST = 20;

export type Remembered = "people" | "performers" | "labels" | "reasons";

export function rememberedSession(): Session | null {
  const { sessionId, userId, performerId, consent } = (readTab(SESSION) ?? {}) as Partial<
    Record<keyof Session, unknown>
  >;
  const complete = [sessionId, userId, performerId].every((part) => typeof part === "string" && part !== "");
  return complete ? ({ sessionId, userId, performerId, consent: readConsent(consent) } as Session) : null;
}

/** Stores the session; null removes it. */
export function rememberSession(session: Session | null): void {
  writeTab(SESSION, session);
}

/** The values that the person used before, the last one first. */
export function remembered(kind: Remembered): readonly string[] {
  const list = readTab(`a3cp.${kind}`);
  return Array.isArray(list) ? list.filter((item) => typeof item === "string") : [];
}

export function remember(kind: Remembered, text: string): void {
  if (text === "") return;
  writeTab(`a3cp.${kind}`, [text, ...remembered(kind).filter((item) => item !== text)].slice(0, MOST));
}

/** A stored yes or no; `otherwise` if there is none. */
export function rememberedFlag(name: string, otherwise: boolean): boolean {
  const flag = readTab(`a3cp.${name}`);
  return typeof flag === "boolean" ? flag : otherwise;
}

export function rememberFlag(name: string, flag: boolean): void {
  writeTab(`a3cp.${name}`, flag);
}

export interface Captured {
  readonly captureId: string;
  /** Its result, in words. */
  readonly line: string;
}

/** The recorded captures of a session, in order. */
export function rememberedCaptures(sessionId: string): readonly Captured[] {
  const kept = (readTab(CAPTURES) ?? {}) as { sessionId?: unknown; captures?: unknown };
  if (kept.sessionId !== sessionId || !Array.isArray(kept.captures)) return [];
  return kept.captures.filter((capture): capture is Captured =>
    [capture?.captureId, capture?.line].every((part) => typeof part === "string"),
  );
}

/** Stores a recorded capture; storing the same one again replaces it. */
export function rememberCapture(sessionId: string, capture: Captured): void {
  const before = rememberedCaptures(sessionId).filter(({ captureId }) => captureId !== capture.captureId);
  writeTab(CAPTURES, { sessionId, captures: [...before, capture] });
}
