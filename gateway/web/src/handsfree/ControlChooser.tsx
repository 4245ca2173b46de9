import { useCallback, useState, useSyncExternalStore, type ReactNode } from "react";

import { Button } from "../components/Button";
import { Dialog } from "../components/Dialog";
import { useWords } from "../words";
import { kindOf, LETTERS, optionsOf, setValue, stepBy, valueOf, type Settable } from "./choices";
import { nameOf } from "./controls";
import { Said } from "./Said";

export interface ControlChooserProps {
  readonly control: Settable;
  /** What a screen reader is told. */
  readonly said: string;
  readonly onClose: () => void;
}

/** Sets a control by buttons alone: one of its values, less or more, or a text letter by letter. */
export function ControlChooser({ control, said, onClose }: ControlChooserProps) {
  const { choose } = useWords().handsfree;
  const shown = useValue(control);
  const kind = kindOf(control);
  const set = (value: string) => setValue(control, value);
  return (
    <Dialog title={nameOf(control)} submit={choose.done} cancels={false} onClose={onClose} onSubmit={onClose}>
      <p className="handsfree-value">{choose.value(shown || choose.empty)}</p>
      {kind === "steps" ? (
        <Steps control={control as HTMLInputElement} />
      ) : (
        <Choices>
          {optionsOf(control).map(({ value, label }) => (
            <Button
              key={value}
              tone="quiet"
              onClick={() => {
                set(value);
                onClose();
              }}
            >
              {label}
            </Button>
          ))}
          {kind === "letters" && <Letters value={control.value} onChange={set} />}
        </Choices>
      )}
      <Said name={said} />
    </Dialog>
  );
}

/** What the control has now; the component renders again when it changes. */
function useValue(control: Settable): string {
  const subscribe = useCallback(
    (changed: () => void) => {
      control.addEventListener("input", changed);
      return () => control.removeEventListener("input", changed);
    },
    [control],
  );
  return useSyncExternalStore(subscribe, () => valueOf(control));
}

function Choices({ children }: { readonly children: ReactNode }) {
  return <div className="handsfree-choices">{children}</div>;
}

function Steps({ control }: { readonly control: HTMLInputElement }) {
  const { choose } = useWords().handsfree;
  return (
    <Choices>
      <Button tone="quiet" onClick={() => stepBy(control, -1)}>
        {choose.less}
      </Button>
      <Button tone="quiet" onClick={() => stepBy(control, 1)}>
        {choose.more}
      </Button>
    </Choices>
  );
}

interface LettersProps {
  readonly value: string;
  readonly onChange: (value: string) => void;
}

/** The letters in groups, and after a choice those of the group. */
function Letters({ value, onChange }: LettersProps) {
  const { choose } = useWords().handsfree;
  const [group, setGroup] = useState<string | null>(null);
  if (group === null) {
    return (
      <>
        {LETTERS.map((letters) => (
          <Button key={letters} tone="quiet" onClick={() => setGroup(letters)}>
            {letters.trim()}
          </Button>
        ))}
        <Button tone="quiet" onClick={() => onChange([...value].slice(0, -1).join(""))}>
          {choose.remove}
        </Button>
      </>
    );
  }
  return (
    <>
      {[...group].map((letter) => (
        <Button
          key={letter}
          tone="quiet"
          onClick={() => {
            onChange(value + letter);
            setGroup(null);
          }}
        >
          {letter === " " ? choose.space : letter}
        </Button>
      ))}
      <Button tone="quiet" onClick={() => setGroup(null)}>
        {choose.back}
      </Button>
    </>
  );
}
