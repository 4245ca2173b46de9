import { useId, useMemo } from "react";

import type { CaptureMotion } from "../api/messages";
import { useWords } from "../words";
import { damagedFrames, endMs, percentOf, presenceInWords, presenceOf, type PartPresence } from "./presence";

export interface PresenceProps {
  readonly motion: CaptureMotion;
  /** The moment that is shown, in milliseconds since the capture's start. */
  readonly timeMs: number;
}

/** When each part was found: a strip for each, and the same in words. */
export function Presence({ motion, timeMs }: PresenceProps) {
  const { libraryCapture, common } = useWords();
  const { presence: texts } = libraryCapture;
  const parts = useMemo(() => presenceOf(motion), [motion]);
  const end = endMs(motion);
  const damaged = damagedFrames(motion);
  return (
    <table className="presence">
      <caption>
        {texts.title}
        {damaged > 0 && <span className="presence-damaged">{texts.damaged(damaged)}</span>}
      </caption>
      <tbody>
        {parts.map((part) => (
          <tr key={part.part}>
            <th scope="row">{common.parts[part.part]}</th>
            <td className="presence-strip">
              <Strip part={part} end={end} timeMs={timeMs} />
            </td>
            <td className="presence-share">{percentOf(part.share)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const WIDTH = 1000;
const HEIGHT = 20;

interface StripProps {
  readonly part: PartPresence;
  readonly end: number;
  readonly timeMs: number;
}

function Strip({ part, end, timeMs }: StripProps) {
  const striped = useId();
  const at = (ms: number) => (WIDTH * ms) / end;
  return (
    <svg
      className={`strip strip-${part.part}`}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={presenceInWords(part)}
    >
      <pattern id={striped} width={8} height={HEIGHT} patternUnits="userSpaceOnUse">
        <rect className="strip-damaged" width={4} height={HEIGHT} />
      </pattern>
      {part.spans.map(({ presence, fromMs, toMs }) => (
        <rect
          key={fromMs}
          className={presence === "damaged" ? undefined : `strip-${presence}`}
          fill={presence === "damaged" ? `url(#${striped})` : undefined}
          x={at(fromMs)}
          width={at(toMs - fromMs)}
          y={presence === "missing" ? HEIGHT / 2 - 1 : 0}
          height={presence === "missing" ? 2 : HEIGHT}
        />
      ))}
      <line className="strip-now" x1={at(timeMs)} x2={at(timeMs)} y1={0} y2={HEIGHT} />
    </svg>
  );
}
