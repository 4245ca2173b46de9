import { useId, useState } from "react";

import { Dialog } from "../components/Dialog";
import { useWords } from "../words";

export interface WithdrawDialogProps {
  readonly title: string;
  /** How many captures are withdrawn; undefined for everything of a person. */
  readonly count?: number | undefined;
  /** Whether it is withdrawn already, so that only its files can go. */
  readonly withdrawn?: boolean;
  /** More about what is withdrawn. */
  readonly detail?: string | undefined;
  readonly onWithdraw: (erase: boolean) => void;
  readonly onClose: () => void;
}

/** Asks before a withdrawal, and says before what cannot be undone. */
export function WithdrawDialog(props: WithdrawDialogProps) {
  const { title, count, withdrawn = false, detail, onWithdraw, onClose } = props;
  const [erase, setErase] = useState(withdrawn);
  const hint = useId();
  const { counted, withdraw: texts } = useWords().library;
  const what = count === undefined ? texts.everything : counted(count);
  return (
    <Dialog
      title={title}
      submit={(withdrawn ? texts.submitErase : erase ? texts.submitBoth : texts.submit)(what)}
      tone="danger"
      onClose={onClose}
      onSubmit={() => onWithdraw(erase)}
    >
      {detail && <p>{detail}</p>}
      {!withdrawn && (
        <>
          <p>{count === 1 ? texts.one : texts.many}</p>
          <label className="check">
            <input
              type="checkbox"
              checked={erase}
              aria-describedby={hint}
              onChange={({ target }) => setErase(target.checked)}
            />{" "}
            {texts.eraseToo}
          </label>
        </>
      )}
      <p id={hint} className={erase ? "field-error" : "field-hint"}>
        {texts.hint}
      </p>
    </Dialog>
  );
}
