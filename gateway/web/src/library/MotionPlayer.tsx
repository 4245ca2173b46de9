import { useId } from "react";

import type { CaptureMotion } from "../api/messages";
import { Button } from "../components/Button";
import { useWords, words, type Words } from "../words";
import { Figure } from "./Figure";
import { Presence } from "./Presence";
import { endMs, isEmpty, seconds } from "./presence";
import { SPEEDS, usePlayback } from "./usePlayback";

export interface MotionPlayerProps {
  readonly motion: CaptureMotion;
  readonly playing: boolean;
  readonly onPlay: (playing: boolean) => void;
  /** Whether a key starts and stops it. */
  readonly keys: boolean;
}

/** A capture as a moving figure: it can be started, stopped, slowed down, and looked at frame by frame. */
export function MotionPlayer({ motion, playing, onPlay, keys }: MotionPlayerProps) {
  const end = endMs(motion);
  const { frame, speed, seek, setSpeed } = usePlayback(motion.time_ms, end, playing);
  const id = useId();
  const { motion: texts } = useWords().libraryCapture;
  const timeMs = motion.time_ms[frame] ?? 0; // a capture may have no frame that can be sent
  return (
    <div className="stack">
      <div className="motion" style={{ aspectRatio: `${motion.width} / ${motion.height}` }}>
        <Figure motion={motion} frame={frame} label={texts.figure} />
        <p className="motion-note">{noteFor(motion, frame)}</p>
      </div>
      <div className="motion-controls">
        <div className="field motion-moment">
          <label htmlFor={`${id}-moment`}>
            {texts.moment} <span className="motion-time">{texts.time(seconds(timeMs), seconds(end))}</span>
          </label>
          <input
            id={`${id}-moment`}
            type="range"
            min={0}
            max={Math.max(0, motion.time_ms.length - 1)}
            value={frame}
            aria-valuetext={texts.spoken(seconds(timeMs), seconds(end))}
            onChange={({ target }) => {
              onPlay(false);
              seek(Number(target.value));
            }}
          />
        </div>
        <Button tone="quiet" onClick={() => onPlay(!playing)} shortcut={keys ? "m" : undefined}>
          {playing ? texts.stop : texts.play}
        </Button>
        <div className="field motion-speed">
          <label htmlFor={`${id}-speed`}>{texts.speed}</label>
          <select id={`${id}-speed`} value={speed} onChange={({ target }) => setSpeed(Number(target.value))}>
            {SPEEDS.map((each) => (
              <option key={each} value={each}>
                {texts[SPEED_NAMES[each]]}
              </option>
            ))}
          </select>
        </div>
      </div>
      <Presence motion={motion} timeMs={timeMs} />
    </div>
  );
}

const SPEED_NAMES = { 0.25: "quarter", 0.5: "half", 1: "asRecorded", 2: "double" } as const satisfies Readonly<
  Record<(typeof SPEEDS)[number], keyof Words["libraryCapture"]["motion"]>
>;

function noteFor(motion: CaptureMotion, frame: number): string {
  const { motion: texts } = words().libraryCapture;
  if (motion.decoded[frame] === false) return texts.damaged;
  return isEmpty(motion, frame) ? texts.empty : "";
}
