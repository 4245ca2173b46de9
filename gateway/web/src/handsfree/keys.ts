import { PRESSED } from "./choices";

type Pressed = Pick<KeyboardEvent, "key" | "altKey" | "ctrlKey" | "metaKey" | "repeat" | "isComposing" | "target">;

/** The key that always ends hands-free control, so that a keyboard is never locked out (WCAG 2.1.2). */
export const WAY_OUT = "Escape";

/**
 * Whether a key is the switch: any key, also Tab and a modifier alone, because switches send what they are built to send.
 * Not the way out, not a shortcut of the browser or a screen reader, not what is typed into a text.
 */
export function isSwitchKey(event: Pressed): boolean {
  const { key, altKey, ctrlKey, metaKey } = event;
  if (key === WAY_OUT || event.repeat || event.isComposing) return false;
  const shortcut = (ctrlKey && key !== "Control") || (altKey && key !== "Alt") || (metaKey && key !== "Meta");
  return !shortcut && !takesText(event.target);
}

/** Types of input fields that take no text. */
const NO_TEXT: ReadonlySet<string> = new Set([...PRESSED, "range"]);

/** Whether keys at this place are text. */
export function takesText(place: EventTarget | null): boolean {
  if (place instanceof HTMLInputElement) return !NO_TEXT.has(place.type) && !place.readOnly;
  return place instanceof HTMLElement && place.closest("textarea, [contenteditable]") !== null;
}
