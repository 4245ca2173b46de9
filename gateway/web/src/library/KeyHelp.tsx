import { Dialog } from "../components/Dialog";
import { REVIEW_KEYS } from "./reviewKeys";

export interface KeyHelpProps {
  readonly on: boolean;
  readonly onTurn: (on: boolean) => void;
  /** Whether the page goes on to the next capture after a verdict. */
  readonly advance: boolean;
  readonly onAdvance: (advance: boolean) => void;
  readonly onClose: () => void;
}

/** Lists the keys, and switches them off and on. */
export function KeyHelp({ on, onTurn, advance, onAdvance, onClose }: KeyHelpProps) {
  return (
    <Dialog title="Judging with the keyboard" submit="Close" cancels={false} onClose={onClose} onSubmit={onClose}>
      <table className="keys">
        <tbody>
          {REVIEW_KEYS.map(({ key, does }) => (
            <tr key={key}>
              <th scope="row">
                <kbd className="key">{key.toUpperCase()}</kbd>
              </th>
              <td>{does}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="field-hint">The keys rest while you type in a field.</p>
      <label className="check">
        <input type="checkbox" checked={on} onChange={({ target }) => onTurn(target.checked)} /> The keys are on
      </label>
      <label className="check">
        <input type="checkbox" checked={advance} onChange={({ target }) => onAdvance(target.checked)} /> Go on to the
        next capture after a verdict
      </label>
    </Dialog>
  );
}
