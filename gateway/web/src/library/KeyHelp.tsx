import { Dialog } from "../components/Dialog";
import { useWords } from "../words";
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
  const { libraryCapture, common } = useWords();
  const { keys: texts } = libraryCapture;
  return (
    <Dialog title={texts.title} submit={common.close} cancels={false} onClose={onClose} onSubmit={onClose}>
      <table className="keys">
        <tbody>
          {REVIEW_KEYS.map(({ key, action }) => (
            <tr key={key}>
              <th scope="row">
                <kbd className="key">{key.toUpperCase()}</kbd>
              </th>
              <td>{texts.does[action]}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="field-hint">{texts.hint}</p>
      <label className="check">
        <input type="checkbox" checked={on} onChange={({ target }) => onTurn(target.checked)} /> {texts.on}
      </label>
      <label className="check">
        <input type="checkbox" checked={advance} onChange={({ target }) => onAdvance(target.checked)} /> {texts.advance}
      </label>
    </Dialog>
  );
}
