import { useId, type ReactNode } from "react";

import { Dialog } from "../components/Dialog";
import { useWords } from "../words";
import { Said } from "./Said";
import { NUMBERS, WAYS, type NumberName, type Settings, type Way } from "./settings";
import { useUnits } from "./useUnits";

export interface SettingsPanelProps {
  readonly settings: Settings;
  /** Whether rest ends a take, so that its numbers count in every way. */
  readonly untilRest: boolean;
  /** What a screen reader is told. */
  readonly said: string;
  readonly onChange: (settings: Settings) => void;
  /** Called with the settings to use from now on; null to leave all as it is. */
  readonly onClose: (settings: Settings | null) => void;
  /** What shows the effect of the settings. */
  readonly children: ReactNode;
}

/** The numbers of each way. */
const NUMBERS_OF: Readonly<Record<Way, readonly NumberName[]>> = {
  buttons: [],
  switch: ["gapMs", "paceMs"],
  scan: ["gapMs", "paceMs"],
  dwell: ["dwellMs"],
  pose: ["raiseHeight", "raiseMs", "paceMs"],
};
const REST: readonly NumberName[] = ["restHeight", "restMovement", "restMs"];
/** The ways whose signals mean commands, and so choose after a take. */
const CHOOSING: ReadonlySet<Way> = new Set(["switch", "pose"]);

/** The dialog in which a person chooses a way and its numbers. They count when it is closed by its button. */
export function SettingsPanel({ settings, untilRest, said, onChange, onClose, children }: SettingsPanelProps) {
  const { handsfree: texts } = useWords();
  const { way, afterTake } = settings;
  const numbers = [...NUMBERS_OF[way], ...(way === "pose" || untilRest ? REST : [])];
  return (
    <Dialog title={texts.title} submit={texts.done} onClose={() => onClose(null)} onSubmit={() => onClose(settings)}>
      <Ways chosen={way} onChoose={(next) => onChange({ ...settings, way: next })} />
      {children}
      {numbers.map((name) => (
        <NumberField
          key={name}
          name={name}
          value={settings[name]}
          onChange={(value) => onChange({ ...settings, [name]: value })}
        />
      ))}
      {CHOOSING.has(way) && (
        <label className="check">
          <input
            type="checkbox"
            checked={afterTake === "keep"}
            onChange={({ target }) => onChange({ ...settings, afterTake: target.checked ? "keep" : "choose" })}
          />{" "}
          {texts.keeps}
        </label>
      )}
      <Said name={said} />
    </Dialog>
  );
}

function Ways({ chosen, onChoose }: { readonly chosen: Way; readonly onChoose: (way: Way) => void }) {
  const { handsfree: texts } = useWords();
  const id = useId();
  return (
    <fieldset className="handsfree-ways">
      <legend>{texts.way}</legend>
      {WAYS.map((way) => (
        <label key={way} className="handsfree-way">
          <input type="radio" name={id} checked={way === chosen} onChange={() => onChoose(way)} />
          <strong>{texts.ways[way].name}</strong> <span className="handsfree-does">{texts.ways[way].does}</span>
        </label>
      ))}
    </fieldset>
  );
}

interface NumberFieldProps {
  readonly name: NumberName;
  readonly value: number;
  readonly onChange: (value: number) => void;
}

function NumberField({ name, value, onChange }: NumberFieldProps) {
  const { handsfree: texts } = useWords();
  const inUnit = useUnits();
  const id = useId();
  const { least, most, step, unit } = NUMBERS[name];
  const words = inUnit[unit](value);
  return (
    <div className="handsfree-number">
      <label htmlFor={id}>{texts.numbers[name]}</label>
      <output htmlFor={id}>{words}</output>
      <input
        id={id}
        type="range"
        min={least}
        max={most}
        step={step}
        value={value}
        aria-valuetext={words}
        onChange={({ target }) => onChange(Number(target.value))}
      />
    </div>
  );
}
