import { PARTS, type Part } from "../api/skeleton";
import { useWords } from "../words";
import { isFound } from "./parts";
import { useRealtime } from "./useRealtime";

/** The parts that are found in the picture now, in words, for people who cannot see the overlay. Empty before a result. */
export function PartsSeen({ parts }: { readonly parts: readonly Part[] }) {
  const { common, live } = useWords();
  const { lastResult } = useRealtime().state;
  if (!lastResult) return null;
  return (
    <ul className="live-parts" aria-label={live.found.label}>
      {PARTS.filter((part) => parts.includes(part)).map((part) => {
        const found = isFound(lastResult, part);
        return (
          <li key={part} className={found ? "live-part live-part-found" : "live-part"} data-part={part}>
            <span className="live-part-mark" aria-hidden="true" />
            {common.parts[part]}: <strong>{found ? live.found.yes : live.found.no}</strong>
          </li>
        );
      })}
    </ul>
  );
}
