import { number } from "./numbers";

/** Texts of control without a mouse. */
const en = {
  button: "Hands-free",
  title: "Hands-free control",
  done: "Done",
  way: "How do you want to control this page?",
  ways: {
    buttons: { name: "Buttons", does: "Mouse, touch or keyboard, as usual." },
    switch: { name: "One switch", does: "Any key, a click anywhere, or a gamepad: start, stop, keep, again." },
    scan: {
      name: "One switch for everything",
      does: "All controls light up in turn. The switch presses the one that is lit.",
    },
    dwell: { name: "Resting pointer", does: "Rest the pointer on a control. Works with a head or eye tracker." },
    pose: { name: "Raised hand", does: "Raise a hand to start. Come to rest to stop." },
  },
  numbers: {
    gapMs: "Pause between two presses",
    paceMs: "Time for each choice",
    dwellMs: "Time to rest the pointer",
    raiseHeight: "Height of a raised hand above the shoulders",
    raiseMs: "Time to keep it raised",
    restHeight: "Height of a resting hand above the elbow",
    restMovement: "Movement of a resting hand",
    restMs: "Time to rest",
  },
  seconds: (ms: number) => `${number(ms / 1000, 2)} s`,
  shoulders: (widths: number) => `${number(widths, 2)} shoulder widths`,
  keeps: "Keep each take without asking",
  states: {
    switch: "Any key or click presses what is lit.",
    scan: "Any key or click presses what is lit.",
    dwell: "Rest the pointer on a control to press it.",
    pose: "Raise a hand to press what is lit. Come to rest to stop.",
  },
  wayOut: "Esc: buttons again.",
  pose: {
    off: "The camera is off.",
    connecting: "The hands are not read yet.",
    unseen: "Both shoulders must be in the picture.",
    raise: "Hand above the shoulders",
    lift: "Hand above the elbow",
    movement: "Movement",
    none: "no hand in the picture",
    of: (value: string, limit: string) => `${value}, limit ${limit}`,
  },
  choose: {
    less: "Less",
    more: "More",
    remove: "Delete",
    back: "Back",
    done: "Done",
    value: (value: string) => `Now: ${value}`,
    empty: "nothing",
    space: "space",
  },
};

const de: typeof en = {
  button: "Freihändig",
  title: "Freihändige Bedienung",
  done: "Fertig",
  way: "Wie möchten Sie diese Seite bedienen?",
  ways: {
    buttons: { name: "Knöpfe", does: "Maus, Finger oder Tastatur, wie gewohnt." },
    switch: {
      name: "Ein Taster",
      does: "Jede Taste, ein Klick irgendwo oder ein Gamepad: Start, Stopp, Behalten, Noch einmal.",
    },
    scan: {
      name: "Ein Taster für alles",
      does: "Alle Knöpfe leuchten nacheinander. Der Taster drückt den, der leuchtet.",
    },
    dwell: {
      name: "Ruhender Zeiger",
      does: "Lassen Sie den Zeiger auf einem Knopf ruhen. Geht auch mit Kopf- oder Augensteuerung.",
    },
    pose: { name: "Gehobene Hand", does: "Hand heben: Start. Zur Ruhe kommen: Stopp." },
  },
  numbers: {
    gapMs: "Pause zwischen zwei Tastendrücken",
    paceMs: "Zeit für jede Auswahl",
    dwellMs: "Ruhezeit des Zeigers",
    raiseHeight: "Höhe der gehobenen Hand über den Schultern",
    raiseMs: "So lange bleibt sie oben",
    restHeight: "Höhe der ruhenden Hand über dem Ellbogen",
    restMovement: "Bewegung einer ruhenden Hand",
    restMs: "So lange dauert die Ruhe",
  },
  seconds: (ms) => `${number(ms / 1000, 2)} s`,
  shoulders: (widths) => `${number(widths, 2)} Schulterbreiten`,
  keeps: "Jede Aufnahme behalten, ohne zu fragen",
  states: {
    switch: "Jede Taste und jeder Klick drückt, was leuchtet.",
    scan: "Jede Taste und jeder Klick drückt, was leuchtet.",
    dwell: "Lassen Sie den Zeiger auf einem Knopf ruhen.",
    pose: "Hand heben drückt, was leuchtet. Zur Ruhe kommen stoppt.",
  },
  wayOut: "Esc: wieder Knöpfe.",
  pose: {
    off: "Die Kamera ist aus.",
    connecting: "Die Hände werden noch nicht erkannt.",
    unseen: "Beide Schultern müssen im Bild sein.",
    raise: "Hand über den Schultern",
    lift: "Hand über dem Ellbogen",
    movement: "Bewegung",
    none: "keine Hand im Bild",
    of: (value, limit) => `${value}, Grenze ${limit}`,
  },
  choose: {
    less: "Weniger",
    more: "Mehr",
    remove: "Löschen",
    back: "Zurück",
    done: "Fertig",
    value: (value) => `Jetzt: ${value}`,
    empty: "nichts",
    space: "Leerzeichen",
  },
};

export const handsfree = { en, de };
