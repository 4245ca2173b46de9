/** What a key does on the page of a capture. */
export type KeyAction = "keep" | "redo" | "reject" | "next" | "previous" | "undo" | "play" | "help";

export interface ReviewKey {
  /** As in `KeyboardEvent.key`, in lower case. */
  readonly key: string;
  readonly action: KeyAction;
  readonly does: string;
}

/** The keys, in the order in which the help lists them. All are single characters, so that they can be switched off. */
export const REVIEW_KEYS: readonly ReviewKey[] = [
  { key: "k", action: "keep", does: "Keep" },
  { key: "r", action: "redo", does: "Record again" },
  { key: "x", action: "reject", does: "Reject, with a reason if you like" },
  { key: "n", action: "next", does: "Next capture of the list" },
  { key: "p", action: "previous", does: "Previous capture" },
  { key: "u", action: "undo", does: "Undo what you said last" },
  { key: "m", action: "play", does: "Start or stop the movement" },
  { key: "?", action: "help", does: "Show these keys" },
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
