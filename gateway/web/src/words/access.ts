/** Texts about who uses the pages: the question for the token, the line that says who is signed in, what a role allows. */
const en = {
  token: {
    title: "Access token",
    submit: "Sign in",
    hint: "This server asks who uses it. A token is a long password that the person who runs the server makes for you, or for this device. Ask them for it.",
    memory: "The page keeps it until you close or reload the page, and writes it nowhere.",
    kept: "Nothing on this page is lost. It goes on when you have signed in.",
    label: "Token",
  },
  /** What is wrong with the last token, by code. */
  refused: {
    token_required: "The server did not accept that token. Check that it is complete.",
    token_expired: "This token has expired. Ask the person who runs the server for another one.",
    access_ended: "Your token is no longer valid. Ask the person who runs the server for another one.",
    forbidden: "This token may not use this page, and the page has something that is not finished. Use another one.",
  },
  signedIn: (name: string) => `Signed in: ${name}`,
  roles: { record: "records", review: "reviews", operate: "runs the server" },
  signIn: "Sign in",
  signOut: "Sign out",
  leave: {
    title: "Sign out?",
    text: "Your session is still open. It stays open on the server until it is ended. To end it, press Cancel and then “End Session”.",
  },
  not: {
    record: "With your token you can look at recordings, but not make any.",
    see: "With your token you cannot look at recordings.",
    operate: "This page is for the person who runs the server. Your token is for recordings.",
  },
  instead: "To use this page, sign out and sign in with another token.",
  library: "Open the library",
  person: {
    only: "Your token is for this person.",
    several: "Your token is for these people.",
    choose: "Choose …",
  },
};

const de: typeof en = {
  token: {
    title: "Zugangsschlüssel",
    submit: "Anmelden",
    hint: "Dieser Server fragt, wer ihn benutzt. Ein Zugangsschlüssel (Token) ist ein langes Passwort. Die Person, die den Server betreibt, macht ihn für Sie oder für dieses Gerät. Fragen Sie sie danach.",
    memory: "Die Seite behält ihn, bis Sie sie schließen oder neu laden, und schreibt ihn nirgends auf.",
    kept: "Auf dieser Seite geht nichts verloren. Sie macht weiter, wenn Sie sich angemeldet haben.",
    label: "Zugangsschlüssel",
  },
  refused: {
    token_required: "Der Server hat diesen Zugangsschlüssel nicht angenommen. Prüfen Sie, ob er vollständig ist.",
    token_expired:
      "Dieser Zugangsschlüssel ist abgelaufen. Fragen Sie die Person, die den Server betreibt, nach einem neuen.",
    access_ended:
      "Ihr Zugangsschlüssel gilt nicht mehr. Fragen Sie die Person, die den Server betreibt, nach einem neuen.",
    forbidden:
      "Dieser Zugangsschlüssel darf diese Seite nicht benutzen, und auf ihr ist etwas noch nicht fertig. Nehmen Sie einen anderen.",
  },
  signedIn: (name) => `Angemeldet: ${name}`,
  roles: { record: "nimmt auf", review: "beurteilt", operate: "betreibt den Server" },
  signIn: "Anmelden",
  signOut: "Abmelden",
  leave: {
    title: "Abmelden?",
    text: "Ihre Sitzung ist noch offen. Sie bleibt auf dem Server offen, bis sie beendet wird. Um sie zu beenden, drücken Sie „Abbrechen“ und dann „Sitzung beenden“.",
  },
  not: {
    record: "Mit Ihrem Zugangsschlüssel können Sie Aufnahmen ansehen, aber keine machen.",
    see: "Mit Ihrem Zugangsschlüssel können Sie keine Aufnahmen ansehen.",
    operate: "Diese Seite ist für die Person, die den Server betreibt. Ihr Zugangsschlüssel ist für Aufnahmen.",
  },
  instead: "Um diese Seite zu benutzen, melden Sie sich ab und mit einem anderen Zugangsschlüssel wieder an.",
  library: "Bibliothek öffnen",
  person: {
    only: "Ihr Zugangsschlüssel ist für diese Person.",
    several: "Ihr Zugangsschlüssel ist für diese Personen.",
    choose: "Bitte wählen …",
  },
};

export const access = { en, de };
