import type { CaptureMotion } from "../api/messages";
import { PARTS } from "../api/skeleton";
import { pathOf } from "./motion";

export interface FigureProps {
  readonly motion: CaptureMotion;
  readonly frame: number;
  /** What screen readers say of it; without it, it is decoration. */
  readonly label?: string;
}

/**
 * One frame of a capture: the skeleton of each part that was found, in the part's colour. It is an SVG, which the browser
 * draws into the page: each canvas would be a layer of its own, and many of them made a list's scrolling slow.
 */
export function Figure({ motion, frame, label }: FigureProps) {
  return (
    <svg
      className="figure"
      viewBox={`0 0 ${motion.width} ${motion.height}`}
      {...(label === undefined ? { "aria-hidden": true } : { role: "img", "aria-label": label })}
    >
      {PARTS.map((part) => (
        <path key={part} className={`figure-${part}`} d={pathOf(motion, part, frame)} />
      ))}
    </svg>
  );
}
