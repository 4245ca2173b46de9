import type { CSSProperties } from "react";

import { useWords } from "../words";
import type { PoseState } from "./poseState";
import { raiseShare } from "./raise";
import { movement, restShare } from "./rest";
import type { Settings } from "./settings";

export interface PoseMeterProps {
  readonly settings: Settings;
  /** Null while the server sends no landmarks. */
  readonly pose: PoseState | null;
  readonly hasCamera: boolean;
  /** Whether to show all that is read; else only what counts now: the height of a hand, or during a take its rest. */
  readonly whole: boolean;
}

/** The ends of the scales, in shoulder widths. */
const HEIGHTS = { least: -1.5, most: 1.5 } as const;
const MOVEMENTS = { least: 0, most: 1 } as const;

/** Shows what is read of the arms, beside the limits that make it a signal. */
export function PoseMeter({ settings, pose, hasCamera, whole }: PoseMeterProps) {
  const { pose: texts } = useWords().handsfree;
  const { raiseHeight, raiseMs, restHeight, restMovement, restMs } = settings;
  const reading = pose?.reading ?? null;
  if (!hasCamera || !pose || !reading) {
    return <p className="handsfree-hint">{!hasCamera ? texts.off : pose ? texts.unseen : texts.connecting}</p>;
  }
  const { raise, rest, atMs } = pose;
  const { raise: height, lift } = reading;
  const rested = rest ? restShare(rest, atMs, restMs) : 0;
  return (
    <div className="pose-meter">
      {(whole || !rest) && (
        <Bar
          name={texts.raise}
          value={height}
          limit={raiseHeight}
          scale={HEIGHTS}
          met={height !== null && height >= raiseHeight}
          share={raiseShare(raise, atMs, raiseMs)}
        />
      )}
      {(whole || rest) && (
        <>
          <Bar
            name={texts.lift}
            value={lift}
            limit={restHeight}
            scale={HEIGHTS}
            met={lift === null || lift <= restHeight}
            share={rested}
          />
          <Movement value={rest ? movement(rest.recent) : 0} limit={restMovement} share={rested} />
        </>
      )}
    </div>
  );
}

function Movement({ value, limit, share }: { readonly value: number; readonly limit: number; readonly share: number }) {
  const { pose: texts } = useWords().handsfree;
  return <Bar name={texts.movement} value={value} limit={limit} scale={MOVEMENTS} met={value <= limit} share={share} />;
}

interface BarProps {
  readonly name: string;
  readonly value: number | null;
  readonly limit: number;
  readonly scale: { readonly least: number; readonly most: number };
  /** Whether the value is on the side of the limit that makes it a signal. */
  readonly met: boolean;
  /** How much of the time that it must last has passed, 0 to 1. */
  readonly share: number;
}

function Bar({ name, value, limit, scale: { least, most }, met, share }: BarProps) {
  const { pose: texts, shoulders } = useWords().handsfree;
  const within = (number: number) => Math.min(most, Math.max(least, number));
  const place = (number: number) => (within(number) - least) / (most - least);
  const words = value === null ? texts.none : shoulders(within(value));
  const style = { "--value": place(value ?? least), "--limit": place(limit), "--share": share };
  return (
    <div className={met ? "pose-bar pose-bar-met" : "pose-bar"}>
      <span>{name}</span>
      <div
        role="meter"
        aria-label={name}
        aria-valuemin={least}
        aria-valuemax={most}
        aria-valuenow={within(value ?? least)}
        aria-valuetext={texts.of(words, shoulders(limit))}
        className="pose-track"
        style={style as CSSProperties}
      >
        <span className="pose-value" />
        <span className="pose-share" />
        <span className="pose-limit" />
      </div>
    </div>
  );
}
