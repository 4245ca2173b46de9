import { useLayoutEffect, useRef } from "react";

import { Button } from "../components/Button";
import { useWords } from "../words";
import type { Commands, Control } from "./commands";
import type { Step } from "./flow";
import { Icon } from "./Icon";

export interface ControlsProps {
  readonly step: Step;
  readonly controls: readonly Control[];
  readonly commands: Commands;
}

/** The buttons of a step: the first one large, and focused, so that one key after the other leads through a study. */
export function Controls({ step, controls, commands }: ControlsProps) {
  const { record } = useWords();
  const place = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    // not “Cancel”: a person who holds the key down for long would cancel what they have just begun
    if (step !== "countdown") place.current?.querySelector("button")?.focus();
  }, [step]);
  return (
    <div className="record-controls" ref={place}>
      {controls.map(({ command, blocked }, index) => (
        <Button
          key={command}
          command={command}
          tone={index > 0 || command === "cancel" ? "quiet" : command === "stop" ? "danger" : "primary"}
          blocked={blocked && record.blocked[blocked]}
          onClick={commands[command]}
        >
          <Icon name={command} /> {record.commands[command]}
        </Button>
      ))}
    </div>
  );
}
