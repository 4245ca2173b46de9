import { useId, useLayoutEffect, useRef, type FormEvent, type ReactNode } from "react";

export interface DialogProps {
  readonly title: string;
  readonly children: ReactNode;
  /** Called if the person presses Escape. */
  readonly onClose: () => void;
  /** Called when the form in the dialog is sent. */
  readonly onSubmit: () => void;
}

/** A question before everything else on the page. The keyboard stays in it, and the focus returns afterwards. */
export function Dialog({ title, children, onClose, onSubmit }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();

  // in a layout effect, because only a dialog that is still in the document gives the focus back
  useLayoutEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    return () => shown?.close();
  }, []);

  function submit(event: FormEvent) {
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
      <form className="stack" onSubmit={submit}>
        <h2 id={id}>{title}</h2>
        {children}
      </form>
    </dialog>
  );
}
