import { Card } from "../components/Card";
import { moment, useWords, words } from "../words";
import type { HistoryEntry, LibraryCaptureWithHistory } from "./api";
import { isBeingErased } from "./useLibraryCapture";

/** Says what is gone of a capture that was withdrawn or erased, in place of its picture. */
export function Gone({ capture }: { readonly capture: LibraryCaptureWithHistory }) {
  const { gone } = useWords().libraryCapture;
  const erased = capture.state === "erased";
  return (
    <Card title={erased ? gone.erasedTitle : gone.withdrawnTitle}>
      <p>{erased ? erasedSentence(capture) : withdrawnSentence(capture)}</p>
      <p>{erased ? gone.left : isBeingErased(capture) ? gone.erasing : gone.onDisk}</p>
    </Card>
  );
}

function withdrawnSentence({ history }: LibraryCaptureWithHistory): string {
  const { gone } = words().libraryCapture;
  const time = lastOf(history, "consent.withdrawn");
  return time ? gone.withdrawnOn(time) : gone.withdrawn;
}

function erasedSentence({ history }: LibraryCaptureWithHistory): string {
  const { gone } = words().libraryCapture;
  const time = lastOf(history, "capture.erased");
  return time ? gone.erasedOn(time) : gone.erased;
}

/** When an event happened last: "12 Nov 2026, 10:03"; empty if the history does not have it (any more). */
function lastOf(history: readonly HistoryEntry[], event: string): string {
  const entries = history.filter((entry) => entry.event === event);
  const last = entries.at(-1);
  return last ? moment(last.recorded_at) : "";
}
