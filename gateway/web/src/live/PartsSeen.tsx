import { PARTS, type Part } from "../api/skeleton";
import { isFound, PART_NAMES } from "./parts";
import { useRealtime } from "./useRealtime";

/** The parts that are found in the picture now, in words, for people who cannot see the overlay. Empty before a result. */
export function PartsSeen({ parts }: { readonly parts: readonly Part[] }) {
  const { lastResult } = useRealtime().state;
  if (!lastResult) return null;
  return (
    <ul className="live-parts" aria-label="Found in the picture">
      {PARTS.filter((part) => parts.includes(part)).map((part) => {
        const found = isFound(lastResult, part);
        return (
          <li key={part} className={found ? "live-part live-part-found" : "live-part"} data-part={part}>
            <span className="live-part-mark" aria-hidden="true" />
            {PART_NAMES[part]}: <strong>{found ? "found" : "not found"}</strong>
          </li>
        );
      })}
    </ul>
  );
}
