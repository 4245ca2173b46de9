import { useState, type FormEvent } from "react";

import { identifierFault } from "../api/header";
import { Button } from "../components/Button";
import { Card } from "../components/Card";
import { Field } from "../components/Field";
import { useWords, words } from "../words";
import type { Action } from "./actions";
import type { LibraryCapture } from "./api";

const LABEL_CHARACTERS = 256;

export interface CorrectCardProps {
  readonly capture: LibraryCapture;
  /** The labels and people that other captures have. */
  readonly labels: readonly string[];
  readonly people: readonly string[];
  readonly onSay: (action: Action) => void;
}

/** Gives a capture another label, or says that it shows another person. No file is changed or moved. */
export function CorrectCard({ capture, labels, people, onSay }: CorrectCardProps) {
  const [typed, setTyped] = useState<{ readonly label?: string; readonly person?: string }>({});
  const { label = capture.label ?? "", person = capture.participant } = typed;
  const { correct: texts } = useWords().libraryCapture;
  const fault = identifierFault(person);

  function relabel(event: FormEvent) {
    event.preventDefault();
    setTyped(person === capture.participant ? {} : { person });
    onSay({ kind: "relabel", intent: label.trim() });
  }

  function reassign(event: FormEvent) {
    event.preventDefault();
    setTyped(label === (capture.label ?? "") ? {} : { label });
    onSay({ kind: "reassign", participant: person });
  }

  return (
    <Card title={texts.title}>
      <form className="correct" onSubmit={relabel}>
        <Field
          label={texts.label}
          value={label}
          onChange={(text) => setTyped({ ...typed, label: text })}
          suggestions={labels}
          maxLength={LABEL_CHARACTERS}
        />
        <Button type="submit" tone="quiet" blocked={labelBlocked(label, capture)}>
          {texts.changeLabel}
        </Button>
      </form>
      <form className="correct" onSubmit={reassign}>
        <Field
          label={texts.person}
          hint={texts.personHint}
          value={person}
          onChange={(text) => setTyped({ ...typed, person: text })}
          error={fault}
          suggestions={people}
          maxLength={128}
        />
        <Button type="submit" tone="quiet" blocked={personBlocked(person, fault, capture)}>
          {texts.changePerson}
        </Button>
      </form>
    </Card>
  );
}

function labelBlocked(typed: string, { label }: LibraryCapture): string | undefined {
  const { correct: texts } = words().libraryCapture;
  if (typed.trim() === "") return texts.enterLabel;
  return typed.trim() === label ? texts.sameLabel : undefined;
}

function personBlocked(typed: string, fault: string | undefined, { participant }: LibraryCapture): string | undefined {
  const { correct: texts } = words().libraryCapture;
  if (typed === "") return texts.enterPerson;
  if (fault) return texts.correctName;
  return typed === participant ? texts.samePerson : undefined;
}
