import { failureWith, type Failure } from "../api/failure";
import type { CodeText } from "../api/sentences";
import type { Size } from "../camera/grab";
import { words } from "../words";

/** What ends a capture on a phone: a call, the lock or another app; or the person turns the device. */
export type Interruption = "page_hidden" | "picture_turned";

/** The failure of a capture that ended for this reason, in the language that is shown. */
export function interruptionFailure(code: Interruption): Failure {
  return failureWith(code, () => words().phone.notKept[code]);
}

/** What is doubted of a capture that was cut short and is kept; undefined if `code` is none of these reasons. */
export function cutDoubt(code: string): (CodeText & { readonly code: string }) | undefined {
  const { cut } = words().phone;
  return code in cut ? { code, ...cut[code as keyof typeof cut] } : undefined;
}

/** An event of the page, as far as the rules need it. */
export interface PageEvent {
  readonly type: string;
  /** Of `pagehide`: whether the page may come back. If not, the person has left it, and was asked before. */
  readonly persisted?: boolean;
}

/**
 * Whether an event ends a running capture. In the background a phone stops the camera and soon the page itself, often without
 * another event; a computer only slows the page down, and the page says so when it is back.
 */
export function endsCapture(
  { type, persisted = false }: PageEvent,
  { hidden, handheld }: { readonly hidden: boolean; readonly handheld: boolean },
): boolean {
  if (type === "visibilitychange") return hidden && handheld;
  return type === "freeze" || (type === "pagehide" && persisted);
}

/** Whether a picture was turned from upright to wide or back. The frames of a capture have one size, so it would get bars. */
export function isTurned(before: Size, now: Size): boolean {
  const known = [before, now].every(({ width, height }) => width > 0 && height > 0);
  return known && before.width > before.height !== now.width > now.height;
}
