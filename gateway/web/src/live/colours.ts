import type { Colours } from "./drawDetections";

/** The colours of the parts as the styles of an element have them: tokens.css. */
export function coloursOf(element: Element): Colours {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(name).trim() || "#ffffff";
  return {
    pose: colour("--pose"),
    left_hand: colour("--left-hand"),
    right_hand: colour("--right-hand"),
    face: colour("--face"),
    other: "#ffffff",
  };
}
