import { useState, type FormEvent } from "react";

import { identifierFault } from "../api/header";
import { Button } from "../components/Button";
import { Card } from "../components/Card";
import { Field } from "../components/Field";
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
    <Card title="Correct it">
      <form className="correct" onSubmit={relabel}>
        <Field
          label="What is meant"
          value={label}
          onChange={(text) => setTyped({ ...typed, label: text })}
          suggestions={labels}
          maxLength={LABEL_CHARACTERS}
        />
        <Button type="submit" tone="quiet" blocked={labelBlocked(label, capture)}>
          Change the label
        </Button>
      </form>
      <form className="correct" onSubmit={reassign}>
        <Field
          label="Who is shown"
          hint="No file is moved; lists and exports name this person."
          value={person}
          onChange={(text) => setTyped({ ...typed, person: text })}
          error={fault}
          suggestions={people}
          maxLength={128}
        />
        <Button type="submit" tone="quiet" blocked={personBlocked(person, fault, capture)}>
          Change the person
        </Button>
      </form>
    </Card>
  );
}

function labelBlocked(typed: string, { label }: LibraryCapture): string | undefined {
  if (typed.trim() === "") return "Enter a label.";
  return typed.trim() === label ? "It has this label." : undefined;
}

function personBlocked(typed: string, fault: string | undefined, { participant }: LibraryCapture): string | undefined {
  if (typed === "") return "Enter a person.";
  if (fault) return "Correct the name first.";
  return typed === participant ? "It shows this person." : undefined;
}
