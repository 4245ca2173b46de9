import { useId, useLayoutEffect, useRef, type FormEvent, type ReactNode } from "react";

import { useWords } from "../words";
import { Button, type ButtonProps } from "./Button";

export interface DialogProps {
  readonly title: string;
  readonly children: ReactNode;
  /** Called if the person presses Escape or Cancel. */
  readonly onClose: () => void;
  /** Called when the form in the dialog is sent. */
  readonly onSubmit: () => void;
  /** The words on the button that sends it. */
  readonly submit: string;
  readonly tone?: ButtonProps["tone"];
  readonly blocked?: ButtonProps["blocked"];
  readonly busy?: boolean;
  /** Whether there is a button to leave without an answer. */
  readonly cancels?: boolean;
}

/** A question before everything else on the page. The keyboard stays in it, and the focus returns afterwards. */
export function Dialog(props: DialogProps) {
  const { title, children, onClose, onSubmit, submit, tone = "primary", blocked, busy = false, cancels = true } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  const { common } = useWords();

  // in a layout effect, because only a dialog that is still in the document gives the focus back
  useLayoutEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    return () => shown?.close();
  }, []);

  function send(event: FormEvent) {
    event.preventDefault();
    onSubmit();
  }

  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <form className="stack" onSubmit={send}>
        <h2 id={id}>{title}</h2>
        {children}
        <div className="actions">
          <Button type="submit" tone={tone} blocked={blocked} busy={busy}>
            {submit}
          </Button>
          {cancels && (
            <Button tone="quiet" onClick={onClose}>
              {common.cancel}
            </Button>
          )}
        </div>
      </form>
    </dialog>
  );
}
