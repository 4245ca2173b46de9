import { useId, useState } from "react";

import { Dialog } from "../components/Dialog";

export interface WithdrawDialogProps {
  readonly title: string;
  /** What is withdrawn, for the button: "3 captures". */
  readonly what: string;
  /** Whether it is withdrawn already, so that only its files can go. */
  readonly withdrawn?: boolean;
  /** More about what is withdrawn. */
  readonly detail?: string | undefined;
  readonly onWithdraw: (erase: boolean) => void;
  readonly onClose: () => void;
}

/** Asks before a withdrawal, and says before what cannot be undone. */
export function WithdrawDialog(props: WithdrawDialogProps) {
  const { title, what, withdrawn = false, detail, onWithdraw, onClose } = props;
  const [erase, setErase] = useState(withdrawn);
  const hint = useId();
  const them = what === "1 capture" ? "it" : "them";
  return (
    <Dialog
      title={title}
      submit={`${withdrawn ? "Erase" : erase ? "Withdraw and erase" : "Withdraw"} ${what}`}
      tone="danger"
      onClose={onClose}
      onSubmit={() => onWithdraw(erase)}
    >
      {detail && <p>{detail}</p>}
      {!withdrawn && (
        <>
          <p>
            From now on, no page shows {them}, and no data set has {them}. A withdrawal stays: this page cannot take it
            back.
          </p>
          <label className="check">
            <input
              type="checkbox"
              checked={erase}
              aria-describedby={hint}
              onChange={({ target }) => setErase(target.checked)}
            />{" "}
            Erase the files too
          </label>
        </>
      )}
      <p id={hint} className={erase ? "field-error" : "field-hint"}>
        The server then removes the files for ever, within a minute. No one can bring them back.
      </p>
    </Dialog>
  );
}
