import { Card } from "../components/Card";
import type { HistoryEntry, LibraryCaptureWithHistory } from "./api";
import { isBeingErased } from "./useLibraryCapture";
import { moment } from "./words";

/** Says what is gone of a capture that was withdrawn or erased, in place of its picture. */
export function Gone({ capture }: { readonly capture: LibraryCaptureWithHistory }) {
  const erased = capture.state === "erased";
  return (
    <Card title={erased ? "This capture is erased" : "This capture is withdrawn"}>
      <p>{erased ? erasedSentence(capture) : withdrawnSentence(capture)}</p>
      <p>
        {erased
          ? "The log keeps that there was a capture, when, and the fingerprint of its file. Nothing here or there can bring the movement back."
          : isBeingErased(capture)
            ? "Its file is being erased. That takes up to a minute; this page then says so."
            : "Its file is still on the server’s disk, and can be erased below."}
      </p>
    </Card>
  );
}

function withdrawnSentence({ history }: LibraryCaptureWithHistory): string {
  const said = lastOf(history, "consent.withdrawn");
  return `Consent was withdrawn${said && ` ${said}`}. No page shows it, and no export has it.`;
}

function erasedSentence({ history }: LibraryCaptureWithHistory): string {
  const said = lastOf(history, "capture.erased");
  return `The file with the landmarks was removed from the server${said && ` ${said}`}.`;
}

/** When an event happened last: "on 12 Nov 2026, 10:03"; empty if the history does not have it (any more). */
function lastOf(history: readonly HistoryEntry[], event: string): string {
  const entries = history.filter((entry) => entry.event === event);
  const last = entries.at(-1);
  return last ? `on ${moment(last.recorded_at)}` : "";
}
