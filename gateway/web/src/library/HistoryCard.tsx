import { Card } from "../components/Card";
import { moment, useWords } from "../words";
import type { HistoryEntry } from "./api";
import { historySentence } from "./words";

/** Who said what about a capture, and when; the last word first. Nothing in it is ever changed. */
export function HistoryCard({ history }: { readonly history: readonly HistoryEntry[] }) {
  const { history: texts } = useWords().libraryCapture;
  return (
    <Card title={texts.title}>
      <ol className="history" reversed>
        {newestFirst(history).map(({ place, entry }) => (
          <li key={place}>
            <p>{historySentence(entry)}</p>
            <p className="field-hint">
              <time dateTime={entry.recorded_at}>{moment(entry.recorded_at)}</time>
              {entry.performer_id && entry.performer_id !== "system" && texts.by(entry.performer_id)}
            </p>
          </li>
        ))}
      </ol>
    </Card>
  );
}

/** The entries with their places in the log, which never change, the last one first. */
function newestFirst(history: readonly HistoryEntry[]): readonly { place: number; entry: HistoryEntry }[] {
  return history.map((entry, place) => ({ place, entry })).sort((a, b) => b.place - a.place);
}
