import { known, reasonText } from "../api/sentences";
import { sentencesOf } from "../capture/quality";
import type { Tone } from "../components/StatusText";
import { words } from "../words";
import type { HistoryEntry, LibraryCapture } from "./api";

/** A value in words, and the tone of its mark. */
export interface Word {
  readonly tone: Tone;
  readonly text: string;
}

/** The values that captures have, and the tone of each. */
const TONES = {
  /** The server's verdict; `none` is for a capture from before the server gave one. */
  quality: { good: "active", check: "warning", poor: "error", none: "idle" },
  /** A person's verdict. */
  review: { keep: "active", redo: "warning", reject: "error", none: "idle" },
  consent: { given: "active", refused: "error", withdrawn: "error", unknown: "warning" },
  state: { kept: "active", withdrawn: "warning", erased: "error" },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Tone>>>>;

export type Kind = keyof typeof TONES;

/** All values of a kind that this version of the page knows. */
export function valuesOfKind(kind: Kind): readonly string[] {
  return Object.keys(TONES[kind]);
}

/** The word for a value; for one that this version of the page does not know, the value itself. */
export function wordFor(kind: Kind, value: string | null | undefined): Word {
  const key = value ?? "none";
  return { tone: known<Tone>(TONES[kind], key) ?? "idle", text: known<string>(words().library[kind], key) ?? key };
}

/** The label in words. */
export function labelText(label: string | null): string {
  return label || words().library.noLabel;
}

/** The server's verdict in a sentence: "Good." or "The left hand was out of the picture for most of it." */
export function qualitySentence({ quality }: Pick<LibraryCapture, "quality">): string {
  const { verdict } = words().libraryCapture;
  if (!quality) return verdict.notMeasured;
  if (quality.verdict === "good") return verdict.good;
  const sentences = (quality.reasons ?? []).map((reason) => reasonText(reason).happened);
  return sentences.join(" ") || verdict.doubtful;
}

/** One event of a capture's history in a sentence, without its time. */
export function historySentence({ event, details, whole_session: whole }: HistoryEntry): string {
  const { history } = words().libraryCapture;
  switch (event) {
    case "capture.recorded":
      return history.recorded;
    case "capture.reviewed":
      return reviewed(details);
    case "capture.relabelled":
      return details["intent"] === undefined ? history.labelBack : history.label(text(details["intent"]));
    case "capture.reassigned":
      return history.person(text(details["participant"]));
    case "consent.refused":
      return whole ? history.refusedWhole : history.refused;
    case "consent.withdrawn":
      if (details["reason"] === "retention") return history.timeOver;
      if (details["erase"] === true) return whole ? history.eraseWhole : history.erase;
      return whole ? history.withdrawnWhole : history.withdrawn;
    case "capture.erased":
      return history.erased;
    default:
      return whole ? history.otherWhole(event) : history.other(event);
  }
}

function reviewed(details: HistoryEntry["details"]): string {
  const { history } = words().libraryCapture;
  if (details["verdict"] === undefined) return history.verdictBack;
  const reason = text(details["reason"]);
  const { text: verdict } = wordFor("review", text(details["verdict"]));
  if (!reason) return history.judged(verdict);
  const sentences = sentencesOf(reason);
  return sentences ? `${history.judged(verdict)} ${sentences}` : history.because(verdict, reason);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** A length of time: "7 s", "1:12 min". */
export function length(ms: number): string {
  const { library } = words();
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return library.seconds(seconds);
  return library.minutes(`${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`);
}
