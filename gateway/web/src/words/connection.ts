/** One line about a capture whose connection was lost. */
const en = {
  recording: "The connection is lost. Recording goes on: the pictures stay in this page, and are sent when it is back.",
  waiting: "The connection is lost. The recording stays in this page, and is sent when it is back. Keep the page open.",
  sending: "The connection is back. The recording is being sent again.",
  recorded: "The connection was lost for a while. The recording was sent again, and nothing is missing.",
  status: "waiting for the connection",
};

const de: typeof en = {
  recording:
    "Die Verbindung ist unterbrochen. Die Aufnahme läuft weiter: Die Bilder bleiben auf dieser Seite und werden gesendet, sobald die Verbindung wieder da ist.",
  waiting:
    "Die Verbindung ist unterbrochen. Die Aufnahme bleibt auf dieser Seite und wird gesendet, sobald die Verbindung wieder da ist. Lassen Sie die Seite offen.",
  sending: "Die Verbindung ist wieder da. Die Aufnahme wird noch einmal gesendet.",
  recorded:
    "Die Verbindung war eine Zeit lang unterbrochen. Die Aufnahme wurde noch einmal gesendet, und nichts fehlt.",
  status: "wartet auf die Verbindung",
};

export const connection = { en, de };
