/** What a key does on the page of a capture. */
export type KeyAction = "keep" | "redo" | "reject" | "next" | "previous" | "undo" | "play" | "help";

export interface ReviewKey {
  /** As in `KeyboardEvent.key`, in lower case. */
  readonly key: string;
  readonly action: KeyAction;
}

/** The keys, in the order in which the help lists them. All are single characters, so that they can be switched off. */
export const REVIEW_KEYS: readonly ReviewKey[] = [
  { key: "k", action: "keep" },
  { key: "r", action: "redo" },
  { key: "x", action: "reject" },
  { key: "n", action: "next" },
  { key: "p", action: "previous" },
  { key: "u", action: "undo" },
  { key: "m", action: "play" },
  { key: "?", action: "help" },
];

type Pressed = Pick<
  KeyboardEvent,
  "key" | "altKey" | "ctrlKey" | "metaKey" | "repeat" | "isComposing" | "defaultPrevented" | "target"
>;

/** What a pressed key means; null for nothing, as while the person types or while a dialog is open. */
export function actionOf(event: Pressed, dialogIsOpen: boolean): KeyAction | null {
  if (event.altKey || event.ctrlKey || event.metaKey) return null; // a shortcut of the browser or of a screen reader
  // a key that is held down must not judge one capture after the other
  if (event.repeat || event.isComposing || event.defaultPrevented || dialogIsOpen) return null;
  if (isTyping(event.target)) return null;
  const pressed = event.key.toLowerCase();
  return REVIEW_KEYS.find(({ key }) => key === pressed)?.action ?? null;
}

/** Input fields that take no text. */
const NO_TEXT: ReadonlySet<string> = new Set(["button", "checkbox", "radio", "range", "submit"]);

function isTyping(target: EventTarget | null): boolean {
  if (target instanceof HTMLInputElement) return !NO_TEXT.has(target.type);
  return target instanceof HTMLElement && target.closest("textarea, select, [contenteditable]") !== null;
}
