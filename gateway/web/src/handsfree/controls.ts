const CONTROLS = "a[href], button, input, select, textarea, summary, [tabindex], [contenteditable]";

/**
 * The controls of a page that a person can use now, in the order in which they are highlighted: its commands, which most
 * people want, the rest of its content, what is around it. While a dialog asks, those of the dialog.
 */
export function controlsIn(page: Document): readonly HTMLElement[] {
  const dialog = [...page.querySelectorAll<HTMLElement>("dialog[open]")].at(-1);
  const found = [...(dialog ?? page).querySelectorAll<HTMLElement>(CONTROLS)].filter(isUsable);
  return [0, 1, 2].flatMap((rank) => found.filter((element) => rankOf(element) === rank));
}

function rankOf(element: HTMLElement): number {
  if (element.matches("[data-command]")) return 0;
  return element.closest("main, dialog") ? 1 : 2;
}

/** Whether a control can be used: it is visible, enabled, and reached by the keyboard. */
export function isUsable(element: HTMLElement): boolean {
  if (element.tabIndex < 0 || element.matches(":disabled, [aria-disabled=true], [type=hidden], a[href^='#']"))
    return false;
  return element.closest("[hidden], [inert]") === null && isShown(element);
}

/** Whether the styles let the element be seen. Safari 16 has no `checkVisibility`. */
function isShown(element: HTMLElement): boolean {
  if (typeof element.checkVisibility === "function") return element.checkVisibility({ visibilityProperty: true });
  for (let at: Element | null = element as Element; at; at = at.parentElement) {
    if (getComputedStyle(at).display === "none") return false;
  }
  return true;
}

/** The control at a place of the page: the element itself, what it is in, or what its label is for; null for none. */
export function controlAt(place: Element | null): HTMLElement | null {
  const control = place?.closest<HTMLElement>(CONTROLS) ?? place?.closest("label")?.control ?? null;
  return control && isUsable(control) ? control : null;
}

const LONGEST_NAME = 80;

/** The name of a control, as a screen reader has it, near enough. */
export function nameOf(element: HTMLElement): string {
  const labelledBy = (element.getAttribute("aria-labelledby") ?? "").split(" ");
  const texts = [
    element.getAttribute("aria-label"),
    ...labelledBy.map((id) => element.ownerDocument.getElementById(id)?.textContent),
    ...[...((element as HTMLInputElement).labels ?? [])].map(({ textContent }) => textContent),
    element.textContent,
    element.title,
  ];
  const name = texts.map((text) => (text ?? "").replaceAll(/\s+/g, " ").trim()).find((text) => text !== "");
  return (name ?? "").slice(0, LONGEST_NAME);
}
