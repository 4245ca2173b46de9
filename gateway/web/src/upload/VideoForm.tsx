import { useId, useRef, useState, type FormEvent } from "react";

import { Button } from "../components/Button";
import { Field } from "../components/Field";
import { useSession, type Session } from "../session/useSession";
import { useWords } from "../words";
import { ACCEPT, fileFailure } from "./video";

export interface VideoFormProps {
  readonly onSubmit: (file: File, session: Session, intent: string) => void;
}

/** The form with which the person chooses a video, enters its meaning and uploads it. */
export function VideoForm({ onSubmit }: VideoFormProps) {
  const { session } = useSession();
  const { session: sessionWords, upload } = useWords();
  const words = upload.form;
  const [file, setFile] = useState<File | null>(null);
  const [intent, setIntent] = useState("");
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  const wrong = file && fileFailure(file);
  const blocked = !session ? sessionWords.none : !file ? words.videoFirst : wrong ? words.otherFirst : undefined;

  function submit(event: FormEvent): void {
    event.preventDefault();
    if (!file || !session || wrong) return;
    onSubmit(file, session, intent.trim());
    // clear the form, so that a second press does not upload the same video again
    setFile(null);
    setIntent("");
    if (input.current) input.current.value = "";
  }

  return (
    <form className="stack" onSubmit={submit}>
      <div className="field">
        <label htmlFor={id}>{words.video}</label>
        <input
          ref={input}
          id={id}
          type="file"
          accept={ACCEPT}
          aria-invalid={wrong ? true : undefined}
          aria-describedby={wrong ? `${id}-hint ${id}-error` : `${id}-hint`}
          onChange={(event) => setFile(event.target.files?.[0] ?? null)}
        />
        <p className="field-hint" id={`${id}-hint`}>
          {words.hint}
        </p>
        {wrong && (
          <p className="field-error" id={`${id}-error`} role="alert">
            {wrong.sentence}
          </p>
        )}
      </div>
      <Field label={words.intent} value={intent} onChange={setIntent} maxLength={256} />
      <div className="actions">
        <Button type="submit" blocked={blocked}>
          {words.submit}
        </Button>
      </div>
    </form>
  );
}
