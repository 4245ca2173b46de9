/** Texts of the pages as an app on a phone. */
const en = {
  unreachable: {
    text: "The server cannot be reached. Nothing can be recorded or shown now. Check the network, or ask the person who runs the server.",
    again: "Try again",
  },
};

const de: typeof en = {
  unreachable: {
    text: "Der Server ist nicht erreichbar. Im Moment kann nichts aufgenommen oder gezeigt werden. Prüfen Sie das Netz, oder fragen Sie die Person, die den Server betreibt.",
    again: "Noch einmal versuchen",
  },
};

export const phone = { en, de };
