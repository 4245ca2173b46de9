/** A control that has more than two states: it is set in a dialog, whose buttons one switch can press. */
export type Settable = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

/** How a control is set: one of several values, less or more, or letters. */
export type Kind = "options" | "steps" | "letters";

const STEPPED: ReadonlySet<string> = new Set(["range", "number", "date", "time", "month", "week"]);
/** The types of input fields that are pressed. */
export const PRESSED: ReadonlySet<string> = new Set([
  "button",
  "checkbox",
  "color",
  "file",
  "image",
  "radio",
  "reset",
  "submit",
]);

/** How a control is set; null for one that is pressed, such as a button, a link or a check box. */
export function kindOf(element: Element): Kind | null {
  if (element instanceof HTMLSelectElement) return "options";
  if (element instanceof HTMLTextAreaElement) return "letters";
  if (!(element instanceof HTMLInputElement) || PRESSED.has(element.type) || element.readOnly) return null;
  return STEPPED.has(element.type) ? "steps" : "letters";
}

/** Letters in groups, so that each takes two choices of eight at the most and not one of forty. */
export const LETTERS: readonly string[] = [
  "abcdef",
  "ghijkl",
  "mnopqr",
  "stuvwx",
  "yzäöüß",
  "012345",
  "6789-_",
  " .,?!",
];

/** The values that a control offers: its options, or what its list suggests. */
export function optionsOf(element: Settable): readonly { readonly value: string; readonly label: string }[] {
  const options =
    element instanceof HTMLSelectElement ? element.options : ((element as HTMLInputElement).list?.children ?? []);
  return [...(options as Iterable<HTMLOptionElement>)]
    .filter(({ disabled }) => !disabled)
    .map(({ value, label }) => ({ value, label: label || value }));
}

/** Sets a control as a person would, so that the page hears of it. */
export function setValue(element: Settable, value: string): void {
  // React replaces the property of each element to know its last value; the one of the class only sets it
  Reflect.set(Object.getPrototypeOf(element) as object, "value", value, element);
  report(element);
}

/** Makes a number or a date less (−1) or more (1) by one step. */
export function stepBy(element: HTMLInputElement, direction: -1 | 1): void {
  if (direction < 0) element.stepDown();
  else element.stepUp();
  report(element);
}

function report(element: Settable): void {
  for (const name of ["input", "change"]) element.dispatchEvent(new Event(name, { bubbles: true }));
}

/** What a control has now, as a person sees it: in the page's own words, if it has some; a password as points. */
export function valueOf(element: Settable): string {
  if (element.type === "password") return "•".repeat(element.value.length);
  const option = element instanceof HTMLSelectElement ? element.selectedOptions[0]?.label : undefined;
  return option ?? element.getAttribute("aria-valuetext") ?? element.value;
}
