import constants from "../api/constants.json";

const KEEP_OR_BACK =
  "Ist die ganze Geste zu sehen, behalten Sie die Aufnahme. Wenn nicht, gehen Sie zurück, bis beide Hände gut im Bild sind.";
const OTHER_HAND =
  "Braucht die Geste nur die andere Hand, behalten Sie die Aufnahme. Wenn nicht, gehen Sie zurück, bis beide Hände im Bild sind.";
const VISIBLE = "Halten Sie die Hand im Bild, in gutem Licht und nicht hinter etwas.";
const BACK = "Gehen Sie zurück, bis beide Hände gut im Bild sind.";
const FASTER = "Schließen Sie andere Programme und Tabs, oder nehmen Sie eine schnellere Verbindung.";
const OTHER_BROWSER = "Passiert das noch einmal, nehmen Sie einen anderen Browser.";

type Reasons = typeof constants.quality_reasons;
type Texts = { readonly [Reason in keyof Reasons]: Omit<Reasons[Reason], "verdict"> };

/** The German texts of the quality reasons. The English ones come from contracts/rules/quality_reasons.py. */
const de: Texts = {
  nothing_found: {
    happened: "Nichts war zu sehen: kein Körper, kein Gesicht, keine Hand.",
    advice: "Machen Sie Licht, und setzen Sie sich so, dass die Kamera Sie sieht.",
  },
  no_hand: {
    happened: "Keine Hand war im Bild, oder nur einen Augenblick.",
    advice:
      "Ist es eine Geste des Gesichts oder des Kopfes, behalten Sie die Aufnahme. Wenn nicht, gehen Sie zurück, bis beide Hände gut im Bild sind.",
  },
  mostly_not_decoded: { happened: "Die Hälfte der Bilder oder mehr war beschädigt.", advice: OTHER_BROWSER },
  hands_rarely: { happened: "Die Hände waren nur kurz im Bild.", advice: KEEP_OR_BACK },
  left_hand_mostly_out: { happened: "Die linke Hand war die meiste Zeit nicht im Bild.", advice: OTHER_HAND },
  right_hand_mostly_out: { happened: "Die rechte Hand war die meiste Zeit nicht im Bild.", advice: OTHER_HAND },
  left_hand_lost: { happened: "Die linke Hand war eine halbe Sekunde oder länger nicht zu sehen.", advice: VISIBLE },
  right_hand_lost: { happened: "Die rechte Hand war eine halbe Sekunde oder länger nicht zu sehen.", advice: VISIBLE },
  left_hand_cut_off: { happened: "Ein Teil der linken Hand war außerhalb des Bildes.", advice: BACK },
  right_hand_cut_off: { happened: "Ein Teil der rechten Hand war außerhalb des Bildes.", advice: BACK },
  hands_still: {
    happened: "Die Hände haben sich kaum bewegt.",
    advice: "Hat die Geste keine Bewegung, behalten Sie die Aufnahme.",
  },
  few_frames: {
    happened: "Es sind weniger als 8 Bilder pro Sekunde. Darum fehlen schnelle Bewegungen.",
    advice: FASTER,
  },
  pauses: { happened: "Die Bilder blieben eine halbe Sekunde oder länger aus.", advice: FASTER },
  frames_not_decoded: { happened: "Einige Bilder waren beschädigt.", advice: OTHER_BROWSER },
};

const en = Object.fromEntries(
  Object.entries(constants.quality_reasons).map(([name, { happened, advice }]) => [name, { happened, advice }]),
) as Texts;

/** What the server may doubt of a capture. */
export const reasons = { en, de };
