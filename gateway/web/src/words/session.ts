import { number, plural } from "./numbers";

/** Texts of the session and of the question about consent. */
const en = {
  page: {
    title: "Session",
    lead: "Every recording belongs to a session. Start one, do your work, then end it.",
    inSession: "In this session",
    goOn: "Go on to capture a gesture",
  },
  title: "Session",
  none: "Start a session first.",
  open: "A session is already open.",
  namesFirst: "Enter first who is in the session, and who you are.",
  correctFirst: "Correct the names above first.",
  user: { label: "Person in the session (user_id)", hint: "A short name or number. Not a real name." },
  performer: { label: "You (performer_id)", hint: "The person who presses the buttons." },
  start: "Start Session",
  end: "End Session",
  consent: "Consent:",
  noId: "none yet",
  refused: {
    title: "That is all right. Nothing is recorded.",
    text: "If the person changes their mind, start a session: the question comes again.",
  },
  status: {
    label: "Status",
    idle: "idle",
    active: "active",
    error: "error",
    asking: "waiting for an answer",
    starting: "starting",
    ending: "ending",
  },
  question: {
    title: "First, a question",
    hint: "Read this together, or read it aloud.",
    keptFor: (days: number) =>
      `What is recorded is erased after ${number(days)} ${plural(days, { one: "day", other: "days" })}.`,
    who: "Who answers?",
    self: "The person who is recorded",
    guardian: "A parent or guardian, for that person",
    other: "Another person, for that person",
    whoFirst: "Say first who answers.",
    yes: "Yes, start the session",
    no: "No, do not record",
    later:
      "No answer now? You can go on without one. The recordings are kept, but exports leave them out unless the study includes them on purpose.",
    without: "Go on without an answer",
    back: "Back",
  },
  said: {
    nothing:
      "no answer. The recordings are kept, but exports leave them out unless the study includes them on purpose.",
    self: "yes, said by the person who is recorded.",
    guardian: "yes, said by a parent or guardian.",
    other: "yes, said by another person.",
  },
};

const de: typeof en = {
  page: {
    title: "Sitzung",
    lead: "Jede Aufnahme gehört zu einer Sitzung. Starten Sie eine, arbeiten Sie, und beenden Sie sie dann.",
    inSession: "In dieser Sitzung",
    goOn: "Weiter zur Aufnahme einer Geste",
  },
  title: "Sitzung",
  none: "Starten Sie zuerst eine Sitzung.",
  open: "Eine Sitzung ist schon offen.",
  namesFirst: "Geben Sie zuerst ein, wer in der Sitzung ist und wer Sie sind.",
  correctFirst: "Berichtigen Sie zuerst die Namen oben.",
  user: { label: "Person in der Sitzung (user_id)", hint: "Ein kurzer Name oder eine Nummer. Kein echter Name." },
  performer: { label: "Sie (performer_id)", hint: "Die Person, die die Knöpfe drückt." },
  start: "Sitzung starten",
  end: "Sitzung beenden",
  consent: "Einwilligung:",
  noId: "noch keine",
  refused: {
    title: "Das ist in Ordnung. Nichts wird aufgenommen.",
    text: "Überlegt die Person es sich anders, starten Sie eine Sitzung: Dann kommt die Frage noch einmal.",
  },
  status: {
    label: "Stand",
    idle: "keine Sitzung",
    active: "offen",
    error: "Fehler",
    asking: "wartet auf eine Antwort",
    starting: "wird gestartet",
    ending: "wird beendet",
  },
  question: {
    title: "Zuerst eine Frage",
    hint: "Lesen Sie das gemeinsam, oder lesen Sie es vor.",
    keptFor: (days) =>
      `Was aufgenommen wird, wird nach ${number(days)} ${plural(days, { one: "Tag", other: "Tagen" })} gelöscht.`,
    who: "Wer antwortet?",
    self: "Die Person, die aufgenommen wird",
    guardian: "Ein Elternteil oder eine gesetzliche Vertretung, für diese Person",
    other: "Ein anderer Mensch, für diese Person",
    whoFirst: "Sagen Sie zuerst, wer antwortet.",
    yes: "Ja, Sitzung starten",
    no: "Nein, nicht aufnehmen",
    later:
      "Jetzt keine Antwort? Sie können ohne weitermachen. Die Aufnahmen werden behalten. Ein Export lässt sie aber weg, außer die Studie nimmt sie mit Absicht auf.",
    without: "Ohne Antwort weiter",
    back: "Zurück",
  },
  said: {
    nothing:
      "keine Antwort. Die Aufnahmen werden behalten. Ein Export lässt sie aber weg, außer die Studie nimmt sie mit Absicht auf.",
    self: "Ja, gesagt von der Person, die aufgenommen wird.",
    guardian: "Ja, gesagt von einem Elternteil oder einer gesetzlichen Vertretung.",
    other: "Ja, gesagt von einem anderen Menschen.",
  },
};

export const session = { en, de };
