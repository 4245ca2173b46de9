/** Texts of the first page, of the server's state on it, and of the page for an unknown address. */
const en = {
  title: "Gestures, kept as numbers",
  lead: "A3CP, the Ability-Adaptive Augmentative Communication Platform, records a person’s gestures with a camera and keeps only numbers: the positions of face, hands and body in each picture. It is for carers and researchers who work with people who cannot speak.",
  record: {
    title: "Record a gesture",
    text: "Start a session, turn the camera on, and record what a person says with a gesture, in up to two minutes.",
    link: "Record a gesture",
  },
  study: {
    title: "Record a study",
    text: "Show the gestures of a study, one after the other. The page says what comes next, and which takes are good.",
    link: "Record a study",
  },
  live: {
    title: "See what the camera sees",
    text: "The landmarks of face, hands and body, drawn over the picture while you move. Nothing is kept.",
    link: "Open the live view",
  },
  upload: {
    title: "Use a video",
    text: "Upload a video of up to two minutes. The server keeps the same numbers as from a capture with the camera.",
    link: "Upload a video",
  },
  kept: {
    title: "What is kept",
    numbers:
      "For each capture, the server keeps one file of numbers and one line in the session’s log. It never writes the pictures to a disk.",
    library:
      "The library shows each capture in motion, with its quality and what the person agreed to. There you judge, correct and withdraw.",
    link: "Open the library",
    programs: "Programs can do all of this too:",
    interfaces: "the interfaces",
  },
  server: {
    label: "Server",
    checking: "checking",
    unreachable: "cannot be reached",
    notReady: "not ready",
    ready: "everything is running",
    again: "Check again",
  },
  notFound: {
    title: "There is no page here",
    text: "The address may be misspelled.",
    link: "Go to the first page.",
  },
};

const de: typeof en = {
  title: "Gesten, als Zahlen aufbewahrt",
  lead: "A3CP, die Ability-Adaptive Augmentative Communication Platform, nimmt Gesten eines Menschen mit einer Kamera auf und bewahrt nur Zahlen auf: wo Gesicht, Hände und Körper in jedem Bild sind. Sie ist für Menschen, die Personen ohne Lautsprache begleiten oder mit ihnen forschen.",
  record: {
    title: "Geste aufnehmen",
    text: "Starten Sie eine Sitzung, schalten Sie die Kamera ein und nehmen Sie auf, was eine Person mit einer Geste sagt. Eine Aufnahme dauert höchstens zwei Minuten.",
    link: "Geste aufnehmen",
  },
  study: {
    title: "Studie aufnehmen",
    text: "Zeigen Sie die Gesten einer Studie, eine nach der anderen. Die Seite sagt, was als Nächstes kommt und welche Aufnahmen gut sind.",
    link: "Studie aufnehmen",
  },
  live: {
    title: "Sehen, was die Kamera sieht",
    text: "Die Punkte von Gesicht, Händen und Körper, über dem Bild, während Sie sich bewegen. Nichts wird aufbewahrt.",
    link: "Live-Ansicht öffnen",
  },
  upload: {
    title: "Ein Video verwenden",
    text: "Laden Sie ein Video von höchstens zwei Minuten hoch. Der Server bewahrt davon dieselben Zahlen auf wie von einer Aufnahme mit der Kamera.",
    link: "Video hochladen",
  },
  kept: {
    title: "Was aufbewahrt wird",
    numbers:
      "Von jeder Aufnahme bewahrt der Server eine Datei mit Zahlen und eine Zeile im Protokoll der Sitzung auf. Die Bilder schreibt er nie auf eine Festplatte.",
    library:
      "Die Bibliothek zeigt jede Aufnahme in Bewegung, ihre Qualität und wozu die Person eingewilligt hat. Dort beurteilen, berichtigen und widerrufen Sie.",
    link: "Bibliothek öffnen",
    programs: "Auch Programme können das alles:",
    interfaces: "die Schnittstellen",
  },
  server: {
    label: "Server",
    checking: "wird geprüft",
    unreachable: "nicht erreichbar",
    notReady: "nicht bereit",
    ready: "alles läuft",
    again: "Noch einmal prüfen",
  },
  notFound: {
    title: "Hier gibt es keine Seite",
    text: "Vielleicht ist die Adresse falsch geschrieben.",
    link: "Zur ersten Seite",
  },
};

export const home = { en, de };
