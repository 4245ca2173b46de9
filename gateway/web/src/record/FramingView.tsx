import { useWords } from "../words";
import { CONDITIONS, type Condition } from "./framing";
import { Icon, type IconName } from "./Icon";
import type { FramingHandle } from "./useFraming";

const SIGNS: Readonly<Record<Condition, IconName>> = {
  face: "face",
  shoulders: "shoulders",
  leftHand: "hands",
  rightHand: "hands",
  light: "light",
};

/** What the camera sees of the person, each with its sign. The person may go on in any case. */
export function FramingView({ conditions, ready, away }: FramingHandle) {
  const { framing } = useWords().record;
  return (
    <div className="record-prompt">
      <h2>{framing.title}</h2>
      <p role="status" aria-label={framing.title}>
        {away ? framing.away : ready ? framing.ready : framing.advice}
      </p>
      {!away && (
        <ul className="record-conditions">
          {CONDITIONS.map((condition) => (
            <li key={condition} className={conditions?.[condition] ? "record-fulfilled" : undefined}>
              <span
                className={condition === "rightHand" ? "record-condition-sign record-turned" : "record-condition-sign"}
              >
                <Icon name={SIGNS[condition]} />
              </span>
              <span>{framing[condition]}</span>
              <span className="record-mark">
                {conditions?.[condition] && <Icon name="keep" />}
                <span className="visually-hidden">{stateOf(conditions, condition, framing)}</span>
              </span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function stateOf(
  conditions: FramingHandle["conditions"],
  condition: Condition,
  words: { readonly yes: string; readonly no: string; readonly waiting: string },
): string {
  if (!conditions) return words.waiting;
  return conditions[condition] ? words.yes : words.no;
}

/** The outline to fit into: head, shoulders, and room for both hands. */
export function Outline({ ready }: Pick<FramingHandle, "ready">) {
  return (
    <svg
      className={ready ? "record-outline record-outline-ready" : "record-outline"}
      viewBox="0 0 160 120"
      aria-hidden="true"
    >
      <ellipse cx="80" cy="36" rx="16" ry="21" />
      <path d="M30 118c0-34 14-50 36-54M130 118c0-34-14-50-36-54" />
      <rect x="8" y="8" width="144" height="104" rx="8" />
    </svg>
  );
}
