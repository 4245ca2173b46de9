import { useState } from "react";

import { Dialog } from "../components/Dialog";
import { Field } from "../components/Field";
import { useWords } from "../words";

export interface TextDialogProps {
  readonly title: string;
  readonly label: string;
  readonly hint: string;
  readonly initial: string;
  readonly suggestions: readonly string[];
  readonly maxLength: number;
  /** A sentence that says what is wrong with a text; undefined if it is good. */
  readonly faultOf: (text: string) => string | undefined;
  readonly onSay: (text: string) => void;
  readonly onClose: () => void;
}

/** Asks for a label or for a person. */
export function TextDialog(props: TextDialogProps) {
  const { title, label, hint, initial, suggestions, maxLength, faultOf, onSay, onClose } = props;
  const [text, setText] = useState(initial);
  const { bulk: texts } = useWords().library;
  const fault = faultOf(text.trim());
  const blocked = text.trim() === "" ? texts.enterFirst : fault && texts.correctFirst;
  return (
    <Dialog
      title={title}
      submit={texts.change}
      blocked={blocked}
      onClose={onClose}
      onSubmit={() => blocked === undefined && onSay(text.trim())}
    >
      <Field
        label={label}
        hint={hint}
        value={text}
        onChange={setText}
        error={fault}
        suggestions={suggestions}
        maxLength={maxLength}
      />
    </Dialog>
  );
}
