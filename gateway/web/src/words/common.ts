/** Texts of the frame around every page, and of the components that all rooms use. */
const en = {
  brandTitle: "A3CP, the first page",
  skip: "Skip to the page",
  pages: "Pages",
  language: "Language",
  /** The links of the navigation: what a phone shows, and what a wider window adds. */
  nav: {
    record: { name: "Record ", rest: "a gesture" },
    live: { name: "Live ", rest: "view" },
    upload: { name: "Upload", rest: "" },
    library: { name: "Library", rest: "" },
    operate: { name: "Not recorded", rest: "" },
  },
  /** The titles of the pages in the browser's tab. */
  titles: {
    home: "Welcome",
    session: "Session",
    gesture: "Capture a gesture",
    record: "Record a study",
    live: "Live view",
    upload: "Upload a video",
    library: "Library",
    capture: "A capture",
    person: "What is kept",
    operate: "Not recorded",
    notFound: "Not found",
  },
  parts: { pose: "Body", left_hand: "Left hand", right_hand: "Right hand", face: "Face" },
  /** The parts within a sentence. */
  partsWithin: { pose: "body", left_hand: "left hand", right_hand: "right hand", face: "face" },
  cancel: "Cancel",
  close: "Close",
  code: "Code:",
  copy: "Copy",
  copied: "Copied",
  newTab: "(in a new tab)",
  failed: {
    title: "This page has failed",
    reload: "Load the page again",
    browser: "If it happens again, try a newer browser: Chrome or Edge 109, Firefox 115, Safari 16, or later.",
  },
};

const de: typeof en = {
  brandTitle: "A3CP, zur ersten Seite",
  skip: "Zum Inhalt springen",
  pages: "Seiten",
  language: "Sprache",
  nav: {
    record: { name: "Aufnehmen", rest: "" },
    live: { name: "Live", rest: "-Ansicht" },
    upload: { name: "Video ", rest: "hochladen" },
    library: { name: "Bibliothek", rest: "" },
    operate: { name: "Nicht aufgezeichnet", rest: "" },
  },
  titles: {
    home: "Willkommen",
    session: "Sitzung",
    gesture: "Geste aufnehmen",
    record: "Studie aufnehmen",
    live: "Live-Ansicht",
    upload: "Video hochladen",
    library: "Bibliothek",
    capture: "Eine Aufnahme",
    person: "Was aufbewahrt wird",
    operate: "Nicht aufgezeichnet",
    notFound: "Nicht gefunden",
  },
  parts: { pose: "Körper", left_hand: "Linke Hand", right_hand: "Rechte Hand", face: "Gesicht" },
  partsWithin: { pose: "Körper", left_hand: "linke Hand", right_hand: "rechte Hand", face: "Gesicht" },
  cancel: "Abbrechen",
  close: "Schließen",
  code: "Code:",
  copy: "Kopieren",
  copied: "Kopiert",
  newTab: "(in einem neuen Tab)",
  failed: {
    title: "Diese Seite funktioniert gerade nicht",
    reload: "Seite neu laden",
    browser:
      "Passiert das noch einmal? Dann nehmen Sie einen neueren Browser: Chrome oder Edge 109, Firefox 115, Safari 16 oder neuer.",
  },
};

export const common = { en, de };
