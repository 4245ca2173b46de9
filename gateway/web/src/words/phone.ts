/** Texts of the pages as an app on a phone. */
const en = {
  unreachable: {
    text: "The server cannot be reached. Nothing can be recorded or shown now. Check the network, or ask the person who runs the server.",
    again: "Try again",
  },
  /** Why a capture ended that is too short to be kept. */
  notKept: {
    page_hidden:
      "The page went to the background. A call, the screen lock or another app can be the reason. This capture was not kept. Keep the page in front, then capture again.",
    picture_turned:
      "The device was turned during the capture. This capture was not kept. Hold it in one position, then capture again.",
  },
  /** Why a capture that is kept is shorter than it was meant to be. */
  cut: {
    page_hidden: {
      happened: "The page went to the background, so it ends there.",
      advice: "Keep the page in front, and do not lock the screen.",
    },
    picture_turned: {
      happened: "The device was turned, so it ends there.",
      advice: "Hold the device in one position.",
    },
    capture_interrupted: {
      happened: "The camera was disconnected, so it ends there.",
      advice: "Close other programs that use the camera.",
    },
  },
};

const de: typeof en = {
  unreachable: {
    text: "Der Server ist nicht erreichbar. Im Moment kann nichts aufgenommen oder gezeigt werden. Prüfen Sie das Netz, oder fragen Sie die Person, die den Server betreibt.",
    again: "Noch einmal versuchen",
  },
  notKept: {
    page_hidden:
      "Die Seite war nicht mehr im Vordergrund. Ein Anruf, die Bildschirmsperre oder eine andere App kann der Grund sein. Diese Aufnahme wurde nicht behalten. Lassen Sie die Seite im Vordergrund und nehmen Sie noch einmal auf.",
    picture_turned:
      "Das Gerät wurde während der Aufnahme gedreht. Diese Aufnahme wurde nicht behalten. Halten Sie es in einer Lage und nehmen Sie noch einmal auf.",
  },
  cut: {
    page_hidden: {
      happened: "Die Seite war nicht mehr im Vordergrund, darum endet die Aufnahme dort.",
      advice: "Lassen Sie die Seite im Vordergrund und sperren Sie den Bildschirm nicht.",
    },
    picture_turned: {
      happened: "Das Gerät wurde gedreht, darum endet die Aufnahme dort.",
      advice: "Halten Sie das Gerät in einer Lage.",
    },
    capture_interrupted: {
      happened: "Die Kamera wurde getrennt, darum endet die Aufnahme dort.",
      advice: "Schließen Sie andere Programme, die die Kamera benutzen.",
    },
  },
};

export const phone = { en, de };
