const NOT_KEPT = "This capture was not kept.";
const NICHT_BEHALTEN = "Diese Aufnahme wurde nicht behalten.";

/** Sentences for what goes wrong and has no code of the server; the keys of the inner objects are the pages' codes. */
const en = {
  page: {
    network_error: "The page cannot reach the server. Check your connection and that the server runs, then try again.",
    timeout: "The server took too long to answer. Try again in a moment.",
    unexpected_answer: "This page does not understand the server’s answer. Load the page again.",
    page_error: "Something went wrong in this page. Load it again. Your earlier recordings are safe.",
  },
  unknown: "The server refused this and gave no reason.",
  unknownReason: {
    happened: (reason: string) => `The server doubts this recording (${reason}).`,
    advice: "Look at its picture below.",
  },
  id: {
    dot: "The first character cannot be a dot.",
    long: "It is too long.",
    spaces: "spaces",
    sign: (sign: string) => `“${sign}”`,
    wrong: (what: string) => `It cannot contain ${what}. Use a to z, A to Z, digits, dots, dashes and underscores.`,
  },
  camera: {
    camera_insecure:
      "Browsers allow the camera only on pages with a secure address. Open this page at an address that begins with https://, or, on the computer that the server runs on, at http://localhost.",
    camera_absent: "No camera was found. Connect one, then press “Try the camera again”.",
    camera_denied:
      "The browser does not let this page use the camera. Press the camera or the lock sign beside the address, allow the camera, then press “Try the camera again”.",
    camera_in_use:
      "The camera does not answer; another program may be using it. Close video calls and other pages with the camera, then press “Try the camera again”.",
    camera_unsuitable: "This camera cannot deliver a suitable picture. Connect another one, then try again.",
    camera_unplugged: "The camera was disconnected. Connect it, then press “Try the camera again”.",
    camera_failed: "The camera could not be started. Unplug it and connect it again, or load this page again.",
  },
  notKept: NOT_KEPT,
  capture: {
    server_full: "The server is full. Wait a minute, then capture again.",
    socket_refused:
      "The server did not let this page connect. Check that the server is running and that nothing between blocks WebSockets, then capture again.",
    socket_lost: `The connection to the server was lost. ${NOT_KEPT} Check the network and that the server is running, then capture again.`,
    server_silent: `The server stopped answering. ${NOT_KEPT} Check the network and that the server is running, then capture again.`,
    server_silent_now:
      "The server does not answer. Recording goes on here, and the pictures are sent when it answers again. You can wait, or cancel.",
    server_silent_closing:
      "The server does not answer. Wait a moment, or cancel; the server may still record the capture.",
    server_silent_before: "The server does not answer, so the capture cannot begin. Wait a moment, or cancel.",
    capture_cancelled: "The capture was cancelled. Nothing was kept.",
    camera_muted: `The camera stopped delivering pictures. A call, a closed lid or a privacy switch can be the reason. ${NOT_KEPT} Capture again when the picture is back.`,
    camera_muted_now:
      "The camera delivers no pictures at the moment. A call, a closed lid or a privacy switch can be the reason.",
    picture_black: "The picture is black. Is the camera covered, or switched off by a privacy switch?",
    picture_still: "The picture does not move. If the person is moving, turn the camera off and on again.",
    capture_interrupted: `The camera was disconnected during the capture. ${NOT_KEPT} Connect it, press “Try the camera again”, then capture again.`,
    no_picture: "The camera delivers no picture. Turn it off and on again, then capture again.",
    outcome_unknown:
      "You stopped waiting. The capture may still be recorded: look for its record_id, shown below, in the session’s log.",
    outcome_late:
      "The server did not report the outcome of this capture. It may still be recorded: look for its record_id, shown below, in the session’s log.",
    page_in_background:
      "This page was in the background, where browsers slow the camera down. So this capture has fewer pictures. Keep the page in front, and capture again if you need every moment.",
  },
  live: {
    lane_disabled:
      "The live view is disabled on this server. The person who runs the server can enable it. The other pages still work.",
    connection_lost:
      "The connection to the server was lost. Check that the server is running and that you are connected, then press “Reconnect”.",
    connection_refused:
      "The server did not accept the connection. Wait a moment, then press “Reconnect”. If it happens again, the network between this page and the server may block live connections: tell the person who runs it.",
    server_silent: "The server stopped answering. Check your connection, then press “Reconnect”.",
  },
  upload: {
    not_a_video: "This file is not a video that the server accepts. Choose an MP4, MOV, WebM or MKV file.",
    empty_file: "This file is empty. Choose another one.",
    file_too_large: "The video is too large. The limit is 200 MB. Choose a shorter video, or one of a lower quality.",
    upload_unavailable: "This server does not accept videos yet. You can still capture with the camera.",
    upload_lost: "The connection was lost during the upload. Check that you are connected, then upload the file again.",
    upload_cancelled: "The upload was cancelled. Nothing was kept.",
  },
  proxyLimit:
    "The network between this page and the server does not accept a file of this size. Upload a smaller video, or tell the person who runs the server.",
  job: {
    happened: "The server did not finish this video.",
    notKept: "Nothing of it was kept.",
    advice: "Upload it again.",
    refused: "The server cannot receive videos at the moment.",
    wait: (time: string) => `Wait ${time}, then upload this one again.`,
    moment: "a moment",
    minute: "a minute",
    seconds: (seconds: number) => `${seconds} seconds`,
    minutes: (minutes: number) => `${minutes} minutes`,
  },
};

const de: typeof en = {
  page: {
    network_error:
      "Die Seite erreicht den Server nicht. Prüfen Sie Ihre Verbindung und ob der Server läuft. Versuchen Sie es dann noch einmal.",
    timeout: "Der Server hat zu lange nicht geantwortet. Versuchen Sie es gleich noch einmal.",
    unexpected_answer: "Diese Seite versteht die Antwort des Servers nicht. Laden Sie die Seite neu.",
    page_error: "In dieser Seite ist etwas schiefgegangen. Laden Sie sie neu. Ihre früheren Aufnahmen sind sicher.",
  },
  unknown: "Der Server hat das abgelehnt und keinen Grund genannt.",
  unknownReason: {
    happened: (reason) => `Der Server hat Zweifel an dieser Aufnahme (${reason}).`,
    advice: "Sehen Sie sich unten ihr Bild an.",
  },
  id: {
    dot: "Das erste Zeichen darf kein Punkt sein.",
    long: "Das ist zu lang.",
    spaces: "Leerzeichen",
    sign: (sign) => `„${sign}“`,
    wrong: (what) =>
      `Darin darf ${what} nicht vorkommen. Erlaubt sind a bis z, A bis Z, Ziffern, Punkte, Bindestriche und Unterstriche.`,
  },
  camera: {
    camera_insecure:
      "Browser erlauben die Kamera nur auf Seiten mit sicherer Adresse. Öffnen Sie diese Seite unter einer Adresse, die mit https:// beginnt. Auf dem Computer, auf dem der Server läuft, geht auch http://localhost.",
    camera_absent: "Keine Kamera gefunden. Schließen Sie eine an, und drücken Sie dann „Kamera noch einmal versuchen“.",
    camera_denied:
      "Der Browser lässt diese Seite nicht an die Kamera. Drücken Sie auf die Kamera oder das Schloss neben der Adresse, und erlauben Sie die Kamera. Drücken Sie dann „Kamera noch einmal versuchen“.",
    camera_in_use:
      "Die Kamera antwortet nicht. Vielleicht benutzt sie ein anderes Programm. Schließen Sie Videoanrufe und andere Seiten mit der Kamera, und drücken Sie dann „Kamera noch einmal versuchen“.",
    camera_unsuitable:
      "Diese Kamera liefert kein passendes Bild. Schließen Sie eine andere an, und versuchen Sie es dann noch einmal.",
    camera_unplugged:
      "Die Kamera wurde getrennt. Schließen Sie sie an, und drücken Sie dann „Kamera noch einmal versuchen“.",
    camera_failed: "Die Kamera startet nicht. Stecken Sie sie aus und wieder ein, oder laden Sie diese Seite neu.",
  },
  notKept: NICHT_BEHALTEN,
  capture: {
    server_full: "Der Server ist voll. Warten Sie eine Minute, und nehmen Sie dann noch einmal auf.",
    socket_refused:
      "Der Server hat diese Seite nicht verbunden. Prüfen Sie, ob der Server läuft und ob im Netz etwas WebSockets sperrt. Nehmen Sie dann noch einmal auf.",
    socket_lost: `Die Verbindung zum Server ist abgebrochen. ${NICHT_BEHALTEN} Prüfen Sie das Netz und ob der Server läuft. Nehmen Sie dann noch einmal auf.`,
    server_silent: `Der Server antwortet nicht mehr. ${NICHT_BEHALTEN} Prüfen Sie das Netz und ob der Server läuft. Nehmen Sie dann noch einmal auf.`,
    server_silent_now:
      "Der Server antwortet nicht. Die Aufnahme läuft hier weiter, und die Bilder werden gesendet, sobald er wieder antwortet. Sie können warten oder abbrechen.",
    server_silent_closing:
      "Der Server antwortet nicht. Warten Sie einen Moment, oder brechen Sie ab. Vielleicht speichert der Server die Aufnahme noch.",
    server_silent_before:
      "Der Server antwortet nicht. Darum kann die Aufnahme nicht beginnen. Warten Sie einen Moment, oder brechen Sie ab.",
    capture_cancelled: "Die Aufnahme wurde abgebrochen. Nichts wurde behalten.",
    camera_muted: `Die Kamera liefert keine Bilder mehr. Der Grund kann ein Anruf sein, ein zugeklappter Deckel oder ein Schalter an der Kamera. ${NICHT_BEHALTEN} Nehmen Sie noch einmal auf, wenn das Bild wieder da ist.`,
    camera_muted_now:
      "Die Kamera liefert gerade keine Bilder. Der Grund kann ein Anruf sein, ein zugeklappter Deckel oder ein Schalter an der Kamera.",
    picture_black: "Das Bild ist schwarz. Ist die Kamera verdeckt oder mit einem Schalter ausgeschaltet?",
    picture_still:
      "Das Bild bewegt sich nicht. Wenn die Person sich bewegt, schalten Sie die Kamera aus und wieder ein.",
    capture_interrupted: `Die Kamera wurde während der Aufnahme getrennt. ${NICHT_BEHALTEN} Schließen Sie sie an, drücken Sie „Kamera noch einmal versuchen“, und nehmen Sie dann noch einmal auf.`,
    no_picture:
      "Die Kamera liefert kein Bild. Schalten Sie sie aus und wieder ein, und nehmen Sie dann noch einmal auf.",
    outcome_unknown:
      "Sie haben nicht länger gewartet. Vielleicht wird die Aufnahme noch gespeichert: Suchen Sie im Protokoll der Sitzung nach ihrer record_id. Sie steht unten.",
    outcome_late:
      "Der Server hat nicht gesagt, was aus dieser Aufnahme wurde. Vielleicht wird sie noch gespeichert: Suchen Sie im Protokoll der Sitzung nach ihrer record_id. Sie steht unten.",
    page_in_background:
      "Diese Seite war im Hintergrund. Dort bremsen Browser die Kamera. Darum hat diese Aufnahme weniger Bilder. Lassen Sie die Seite vorne, und nehmen Sie noch einmal auf, wenn Sie jeden Moment brauchen.",
  },
  live: {
    lane_disabled:
      "Die Live-Ansicht ist auf diesem Server ausgeschaltet. Die Person, die den Server betreibt, kann sie einschalten. Die anderen Seiten gehen trotzdem.",
    connection_lost:
      "Die Verbindung zum Server ist abgebrochen. Prüfen Sie, ob der Server läuft und ob Sie verbunden sind. Drücken Sie dann „Neu verbinden“.",
    connection_refused:
      "Der Server hat die Verbindung nicht angenommen. Warten Sie einen Moment, und drücken Sie dann „Neu verbinden“. Hilft das nicht, sperrt vielleicht das Netz solche Verbindungen: Sagen Sie es der Person, die es betreibt.",
    server_silent: "Der Server antwortet nicht mehr. Prüfen Sie Ihre Verbindung, und drücken Sie dann „Neu verbinden“.",
  },
  upload: {
    not_a_video:
      "Diese Datei ist kein Video, das der Server annimmt. Wählen Sie eine Datei vom Typ MP4, MOV, WebM oder MKV.",
    empty_file: "Diese Datei ist leer. Wählen Sie eine andere.",
    file_too_large:
      "Das Video ist zu groß. Erlaubt sind 200 MB. Wählen Sie ein kürzeres Video oder eines mit weniger Qualität.",
    upload_unavailable: "Dieser Server nimmt noch keine Videos an. Mit der Kamera können Sie trotzdem aufnehmen.",
    upload_lost:
      "Die Verbindung ist beim Hochladen abgebrochen. Prüfen Sie, ob Sie verbunden sind, und laden Sie die Datei noch einmal hoch.",
    upload_cancelled: "Das Hochladen wurde abgebrochen. Nichts wurde behalten.",
  },
  proxyLimit:
    "Das Netz zwischen dieser Seite und dem Server nimmt keine Datei dieser Größe an. Laden Sie ein kleineres Video hoch, oder sagen Sie es der Person, die den Server betreibt.",
  job: {
    happened: "Der Server ist mit diesem Video nicht fertig geworden.",
    notKept: "Nichts davon wurde behalten.",
    advice: "Laden Sie es noch einmal hoch.",
    refused: "Der Server kann gerade keine Videos annehmen.",
    wait: (time) => `Warten Sie ${time}, und laden Sie dieses dann noch einmal hoch.`,
    moment: "einen Moment",
    minute: "eine Minute",
    seconds: (seconds) => `${seconds} Sekunden`,
    minutes: (minutes) => `${minutes} Minuten`,
  },
};

export const failures = { en, de };
