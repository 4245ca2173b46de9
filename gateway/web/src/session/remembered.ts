import type { Session } from "./useSession";

/**
 * What this tab remembers until it is closed, so that a reload goes on: the session, and the people and labels that were
 * typed. Never the token. A browser that keeps nothing is no failure: then there is nothing to remember.
 */

const SESSION = "a3cp.session";
const CAPTURES = "a3cp.captures";
const MOST = 20;

export type Remembered = "people" | "performers" | "labels";

export function rememberedSession(): Session | null {
  const { sessionId, userId, performerId } = (read(SESSION) ?? {}) as Partial<Record<keyof Session, unknown>>;
  const complete = [sessionId, userId, performerId].every((part) => typeof part === "string" && part !== "");
  return complete ? ({ sessionId, userId, performerId } as Session) : null;
}

/** Null forgets it. */
export function rememberSession(session: Session | null): void {
  write(SESSION, session);
}

/** What was used before, the last first. */
export function remembered(kind: Remembered): readonly string[] {
  const list = read(`a3cp.${kind}`);
  return Array.isArray(list) ? list.filter((item) => typeof item === "string") : [];
}

export function remember(kind: Remembered, text: string): void {
  if (text === "") return;
  write(`a3cp.${kind}`, [text, ...remembered(kind).filter((item) => item !== text)].slice(0, MOST));
}

/** A choice between yes and no. */
export function rememberedFlag(name: string, otherwise: boolean): boolean {
  const flag = read(`a3cp.${name}`);
  return typeof flag === "boolean" ? flag : otherwise;
}

export function rememberFlag(name: string, flag: boolean): void {
  write(`a3cp.${name}`, flag);
}

export interface Captured {
  readonly captureId: string;
  /** Its outcome, in words. */
  readonly line: string;
}

/** What was recorded in a session, in order. */
export function rememberedCaptures(sessionId: string): readonly Captured[] {
  const kept = (read(CAPTURES) ?? {}) as { sessionId?: unknown; captures?: unknown };
  if (kept.sessionId !== sessionId || !Array.isArray(kept.captures)) return [];
  return kept.captures.filter((capture): capture is Captured => typeof capture?.line === "string");
}

/** Once for each capture, however often it is called. */
export function rememberCapture(sessionId: string, capture: Captured): void {
  const before = rememberedCaptures(sessionId).filter(({ captureId }) => captureId !== capture.captureId);
  write(CAPTURES, { sessionId, captures: [...before, capture] });
}

function read(key: string): unknown {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}

function write(key: string, value: unknown): void {
  try {
    if (value === null) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, JSON.stringify(value));
  } catch {
    // full or forbidden: see above
  }
}
