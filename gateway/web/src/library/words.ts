import { reasonText } from "../api/sentences";
import { sentencesOf } from "../capture/quality";
import type { Tone } from "../components/StatusText";
import type { HistoryEntry, LibraryCapture } from "./api";

/** A value in words, and the tone of its mark. */
export interface Word {
  readonly tone: Tone;
  readonly text: string;
}

/** The words for the server's verdict; `none` is for a capture from before the server gave one. */
export const QUALITY: Readonly<Record<string, Word>> = {
  good: { tone: "active", text: "good" },
  check: { tone: "warning", text: "look at it" },
  poor: { tone: "error", text: "poor" },
  none: { tone: "idle", text: "not measured" },
};

/** The words for a person's verdict. */
export const REVIEW: Readonly<Record<string, Word>> = {
  keep: { tone: "active", text: "keep" },
  redo: { tone: "warning", text: "record again" },
  reject: { tone: "error", text: "reject" },
  none: { tone: "idle", text: "not reviewed" },
};

export const CONSENT: Readonly<Record<string, Word>> = {
  given: { tone: "active", text: "yes" },
  refused: { tone: "error", text: "no" },
  withdrawn: { tone: "error", text: "withdrawn" },
  unknown: { tone: "warning", text: "no answer" },
};

export const STATE: Readonly<Record<string, Word>> = {
  kept: { tone: "active", text: "kept" },
  withdrawn: { tone: "warning", text: "withdrawn" },
  erased: { tone: "error", text: "erased" },
};

/** The word for a value; for one that this version of the page does not know, the value itself. */
export function wordFor(words: Readonly<Record<string, Word>>, value: string | null | undefined): Word {
  const key = value ?? "none";
  return words[key] ?? { tone: "idle", text: key };
}

export const NO_LABEL = "no label";

/** The label in words. */
export function labelText(label: string | null): string {
  return label || NO_LABEL;
}

/** The server's verdict in a sentence: "Good." or "The left hand was out of the picture for most of it." */
export function qualitySentence({ quality }: Pick<LibraryCapture, "quality">): string {
  if (!quality) return "The server did not measure this capture.";
  if (quality.verdict === "good") return "Good: the server found nothing wrong with it.";
  const sentences = (quality.reasons ?? []).map((reason) => reasonText(reason).happened);
  return sentences.join(" ") || "The server doubts this capture, but did not say why.";
}

/** One event of a capture's history in a sentence, without its time. */
export function historySentence({ event, details, whole_session }: HistoryEntry): string {
  const whole = whole_session ? " for the whole session" : "";
  switch (event) {
    case "capture.recorded":
      return "Recorded.";
    case "capture.reviewed":
      return reviewed(details);
    case "capture.relabelled":
      return details["intent"] === undefined ? "Label taken back." : `Label changed to “${text(details["intent"])}”.`;
    case "capture.reassigned":
      return `Said to show ${text(details["participant"])}.`;
    case "consent.refused":
      return `Consent refused${whole}.`;
    case "consent.withdrawn":
      return `Consent withdrawn${whole}${details["erase"] === true ? ", and the file is to be erased" : ""}.`;
    case "capture.erased":
      return "The file with the landmarks was erased.";
    default:
      return `${event}${whole}.`;
  }
}

function reviewed(details: HistoryEntry["details"]): string {
  if (details["verdict"] === undefined) return "Verdict taken back.";
  const reason = text(details["reason"]);
  const { text: verdict } = wordFor(REVIEW, text(details["verdict"]));
  if (!reason) return `Judged: ${verdict}.`;
  const sentences = sentencesOf(reason);
  return sentences ? `Judged: ${verdict}. ${sentences}` : `Judged: ${verdict}, because: ${reason}.`;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Made once: to make one takes longer than all else that a list does for a capture. */
const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** A day and time of the server in the words of the person's own language and time zone. */
export function moment(time: string): string {
  return MOMENT.format(new Date(time));
}

/** A length of time: "7 s", "1:12 min". */
export function length(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} min`;
}
