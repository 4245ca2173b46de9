import { number, plural } from "./numbers";

/** Texts of the page that shows a person what is kept of them. */
const en = {
  title: (person: string) => `What is kept of ${person}`,
  lead: "For this person, and for the people who care for them.",
  short: "In short",
  numbers:
    "Each capture is a list of numbers: where the body, the face and the hands were. The pictures of the camera were never kept.",
  rights: "You may say no at any time, for one capture or for all, and you need not say why.",
  nothingLeft: "There is nothing left to withdraw.",
  eraseAll: "Erase everything",
  withdrawAll: "Withdraw everything",
  captures: "The captures",
  more: "Show more",
  withdraw: "Withdraw",
  erase: "Erase",
  quoted: (label: string) => `“${label}”`,
  recordedOn: (time: string) => `Recorded on ${time}.`,
  looking: "Looking …",
  nothing: "Nothing is kept.",
  sum: (captures: string, parts: string) => `Of ${captures}, ${parts}.`,
  isKept: (count: number) => `${number(count)} ${plural(count, { one: "is", other: "are" })} kept`,
  isWithdrawn: (count: number) => `${number(count)} ${plural(count, { one: "is", other: "are" })} withdrawn`,
  isErased: (count: number) => `${number(count)} ${plural(count, { one: "is", other: "are" })} erased`,
  kept: {
    erased: "Erased. Only the note that it existed is left.",
    withdrawn: "Withdrawn. It is not shown and not used. Its file is still there.",
    given: "Kept, with a yes. It may be used.",
    refused: "Kept, but with a no. It is not given on.",
    unknown: "Kept. No one said yes or no yet, so it is not given on.",
  },
  until: (date: string) => `It will be erased on ${date}.`,
  done: {
    withdrawn: (captures: string) => `Done: ${captures} withdrawn.`,
    erasing: "Done: withdrawn. The server erases the files within a minute.",
    erased: "Done: withdrawn, and the files are erased.",
  },
};

const de: typeof en = {
  title: (person) => `Was von ${person} aufbewahrt wird`,
  lead: "Für diese Person und für die Menschen, die sie begleiten.",
  short: "Kurz gesagt",
  numbers:
    "Jede Aufnahme ist eine Liste von Zahlen: wo Körper, Gesicht und Hände waren. Die Bilder der Kamera wurden nie behalten.",
  rights: "Sie dürfen jederzeit Nein sagen, zu einer Aufnahme oder zu allen. Sie müssen nicht sagen, warum.",
  nothingLeft: "Es gibt nichts mehr zurückzuziehen.",
  eraseAll: "Alles löschen",
  withdrawAll: "Alles zurückziehen",
  captures: "Die Aufnahmen",
  more: "Mehr zeigen",
  withdraw: "Zurückziehen",
  erase: "Löschen",
  quoted: (label) => `„${label}“`,
  recordedOn: (time) => `Aufgenommen: ${time}.`,
  looking: "Wird nachgesehen …",
  nothing: "Nichts wird aufbewahrt.",
  sum: (captures, parts) => `${captures}: ${parts}.`,
  isKept: (count) => `${number(count)} behalten`,
  isWithdrawn: (count) => `${number(count)} zurückgezogen`,
  isErased: (count) => `${number(count)} gelöscht`,
  kept: {
    erased: "Gelöscht. Geblieben ist nur der Vermerk, dass es sie gab.",
    withdrawn: "Zurückgezogen. Sie wird nicht gezeigt und nicht benutzt. Ihre Datei ist noch da.",
    given: "Behalten, mit einem Ja. Sie darf benutzt werden.",
    refused: "Behalten, aber mit einem Nein. Sie wird nicht weitergegeben.",
    unknown: "Behalten. Noch hat niemand Ja oder Nein gesagt. Darum wird sie nicht weitergegeben.",
  },
  until: (date) => `Sie wird gelöscht: ${date}.`,
  done: {
    withdrawn: (captures) => `Erledigt: ${captures} zurückgezogen.`,
    erasing: "Erledigt: zurückgezogen. Der Server löscht die Dateien in höchstens einer Minute.",
    erased: "Erledigt: zurückgezogen, und die Dateien sind gelöscht.",
  },
};

export const person = { en, de };
