import constants from "../api/constants.json";

/** What happened, and what the person can do. */
function say(happened: string, advice: string) {
  return { happened, advice };
}

const AGAIN = "Versuchen Sie es noch einmal.";
const SOON = "Warten Sie einen Moment, und versuchen Sie es dann noch einmal.";
const MINUTE = "Warten Sie eine Minute, und versuchen Sie es dann noch einmal.";
const RELOAD = "Laden Sie die Seite neu.";
const TELL = "Sagen Sie es der Person, die den Server betreibt. Versuchen Sie es dann noch einmal.";
const SHORTER = "Machen Sie eine kürzere.";
const SHORTER_VIDEO = "Laden Sie ein kürzeres hoch.";
const UPLOAD_AGAIN = "Laden Sie es noch einmal hoch.";
const MP4 = "Speichern Sie es als einfache MP4-Datei, und laden Sie es noch einmal hoch.";
const NEW_SESSION = "Starten Sie eine neue.";
const RECORD_AGAIN = "Nehmen Sie noch einmal auf.";
const NOT_ACCEPTED = say("Der Server hat die Angaben dieser Seite nicht angenommen.", RELOAD);

/**
 * The German texts of the server's codes. The English ones, and with them the codes that there are, come from
 * contracts/rules/codes.py: a code without a German text is a type error.
 */
const de: typeof constants.codes = {
  // a capture
  limit_duration_exceeded: {
    page: say("Die Aufnahme ist länger, als der Server erlaubt.", SHORTER),
    video: say("Das Video ist länger, als der Server erlaubt. Meist sind es zwei Minuten.", SHORTER_VIDEO),
  },
  limit_duration_too_short: {
    page: say("Die Aufnahme war zu kurz.", "Nehmen Sie zwei Sekunden oder länger auf."),
    video: say("Das Video ist zu kurz.", "Laden Sie eines hoch, das zwei Sekunden oder länger ist."),
  },
  limit_fps_exceeded: {
    page: say("Die Seite hat mehr Bilder pro Sekunde gesendet, als der Server erlaubt.", RELOAD),
    video: say("Das Video hat zu viele Bilder pro Sekunde.", "Speichern Sie es mit höchstens 240."),
  },
  limit_resolution_exceeded: {
    page: say("Die Bilder waren größer, als der Server erlaubt.", RELOAD),
    video: say("Die Bilder dieses Videos sind zu groß für den Server.", "Speichern Sie es in 4K oder kleiner."),
  },
  limit_frame_count_exceeded: {
    page: say("Die Aufnahme hat mehr Bilder, als der Server erlaubt.", SHORTER),
    video: say("Das Video hat mehr Bilder, als der Server erlaubt.", SHORTER_VIDEO),
  },
  limit_frame_bytes_exceeded: {
    page: say("Ein Bild war zu groß für den Server.", "Machen Sie mehr Licht: Dann werden die Bilder kleiner."),
  },
  limit_total_bytes_exceeded: { page: say("Die Aufnahme war zu groß für den Server.", SHORTER) },
  limit_forward_buffer_exceeded: {
    page: say(
      "Der Server war zu lange mit anderen Aufnahmen beschäftigt.",
      "Warten Sie, bis sie fertig sind, und versuchen Sie es dann noch einmal. Passiert das oft? Dann sagen Sie es der Person, die den Server betreibt.",
    ),
  },
  protocol_violation: {
    page: say(
      "Die Bilder kamen zu spät oder nicht der Reihe nach beim Server an. Vielleicht ist die Verbindung langsam, oder die Seite war im Hintergrund.",
      "Lassen Sie die Seite vorne, und versuchen Sie es noch einmal.",
    ),
  },
  session_invalid: { page: say("Der Server kennt diese Sitzung nicht.", NEW_SESSION) },
  session_closed: { page: say("Die Sitzung ist beendet.", "Starten Sie eine neue, um weiterzumachen.") },
  access_ended: {
    page: say(
      "Ihr Zugang zu diesem Server ist beendet.",
      "Fragen Sie die Person, die ihn betreibt, nach einem neuen Zugangsschlüssel, und melden Sie sich noch einmal an.",
    ),
  },
  consent_withdrawn: {
    page: say(
      "Die Einwilligung zu dieser Sitzung wurde widerrufen. Darum wird in ihr nichts mehr aufgenommen.",
      "Um neu zu antworten, starten Sie eine neue Sitzung.",
    ),
  },
  duplicate_capture: {
    page: say(
      "Der Server hat schon eine Aufnahme mit dieser Nummer.",
      `${AGAIN} Die nächste bekommt eine neue Nummer.`,
    ),
  },
  invalid_frame: {
    page: say("Der Server konnte ein Bild nicht lesen.", `${AGAIN} Hilft das nicht, nehmen Sie einen anderen Browser.`),
    live: say(
      "Der Server konnte ein Bild der Kamera nicht lesen.",
      "Drücken Sie „Noch einmal“, oder nehmen Sie eine andere Kamera.",
    ),
  },
  forward_failed: { page: say("Ein Teil des Servers ist ausgefallen.", SOON) },
  extraction_failed: {
    page: say("Der Server konnte die Punkte nicht finden.", TELL),
    video: say("Der Server konnte in diesem Video die Punkte nicht finden.", TELL),
  },
  server_shutdown: {
    page: say("Der Server wird angehalten oder neu gestartet.", MINUTE),
    live: say(
      "Der Server wurde angehalten oder startet gerade neu.",
      "Warten Sie einen Moment, und drücken Sie dann „Neu verbinden“.",
    ),
  },
  client_disconnected: { page: say("Die Verbindung brach ab, bevor die Aufnahme vollständig war.", AGAIN) },
  gateway_lost: { page: say("Der Server fiel während der Aufnahme aus.", AGAIN) },
  frames_lost: {
    page: say("Der Server wurde neu gestartet, bevor er alle Bilder angesehen hatte.", AGAIN),
    video: say("Der Server hat dieses Video verloren, weil ein Teil von ihm neu gestartet wurde.", UPLOAD_AGAIN),
  },
  invalid_json: { page: say("Der Server konnte eine Nachricht dieser Seite nicht lesen.", RELOAD) },
  schema_error: {
    page: say(
      "Der Server hat die Angaben dieser Seite nicht angenommen.",
      "Prüfen Sie, was Sie eingegeben haben, oder laden Sie die Seite neu.",
    ),
  },
  internal_error: {
    page: say(
      "Der Server hat einen Fehler gemacht.",
      `${AGAIN} Hilft das nicht, sagen Sie es der Person, die den Server betreibt.`,
    ),
    live: say(
      "Der Server hat einen Fehler gemacht.",
      "Drücken Sie „Noch einmal“. Hilft das nicht, sagen Sie es der Person, die den Server betreibt.",
    ),
  },
  consent_required: {
    page: say(
      "Dieser Server nimmt Personen erst auf, wenn sie Ja gesagt haben.",
      "Beantworten Sie die Frage nach der Einwilligung. Sie kommt, wenn eine Sitzung beginnt. Ist eine offen, beenden Sie sie zuerst.",
    ),
  },
  too_many_captures: {
    page: say(
      "Der Server ist voll: Zu viele Aufnahmen laufen.",
      "Warten Sie, bis eine beendet ist, und versuchen Sie es dann noch einmal.",
    ),
  },
  frames_broker_full: { page: say("Der Server ist voll: Ihm fehlt Speicher.", MINUTE) },
  brokers_unready: { page: say("Der Server startet noch.", SOON) },
  open_timeout: { page: say("Die Aufnahme hat nicht rechtzeitig begonnen.", AGAIN) },

  // a video
  not_a_video: { page: say("Der Server konnte diese Datei nicht als Video lesen.", MP4) },
  no_frames: { page: say("Das Video hat keine Bilder, nur Ton.", "Wählen Sie ein anderes Video.") },
  video_damaged: {
    page: say(
      "Das Video ist beschädigt, oder ein Teil fehlt.",
      "Speichern Sie es neu, und laden Sie es noch einmal hoch.",
    ),
  },
  limit_decode_time_exceeded: { page: say("Der Server braucht zu lange, um das Video zu lesen.", MP4) },
  limit_memory_exceeded: { page: say("Der Server braucht zu viel Speicher, um das Video zu lesen.", MP4) },
  no_worker: { page: say("Der Teil des Servers, der Videos ansieht, läuft nicht.", TELL) },
  unknown_job: { page: say("Der Server kennt dieses Video nicht.", UPLOAD_AGAIN) },
  file_too_large: {
    page: say("Das Video ist zu groß. Meist sind höchstens 200 MB erlaubt.", "Laden Sie ein kleineres hoch."),
  },
  not_multipart: { page: say("Der Server konnte das Hochgeladene nicht lesen.", RELOAD) },
  too_many_uploads: {
    page: say("Der Server hat gerade keinen Platz für noch ein Video.", "Versuchen Sie es später noch einmal."),
  },
  upload_lost: { page: say("Der Server hat das Video verloren, bevor es ganz bei ihm war.", UPLOAD_AGAIN) },
  missing_performer_id: { page: NOT_ACCEPTED },
  missing_session_id: { page: NOT_ACCEPTED },
  missing_user_id: { page: NOT_ACCEPTED },
  missing_source: { page: NOT_ACCEPTED },

  // the live view
  invalid_pipeline: {
    page: say("Der Server bietet nicht an, was unter „Suchen nach“ gewählt ist.", "Wählen Sie dort etwas anderes."),
  },
  invalid_message: {
    page: say(
      "Der Server konnte eine Nachricht dieser Seite nicht lesen.",
      "Drücken Sie „Noch einmal“. Hilft das nicht, laden Sie die Seite neu.",
    ),
  },
  frame_too_large: {
    page: say(
      "Ein Bild der Kamera war zu groß für den Server.",
      "Nehmen Sie eine andere Kamera, und drücken Sie dann „Noch einmal“.",
    ),
  },
  pipeline_failure: {
    page: say(
      "Der Teil des Servers, der die Bilder ansieht, hat nicht geantwortet.",
      "Drücken Sie „Noch einmal“. Vielleicht braucht er einen Moment, um neu zu starten.",
    ),
  },

  // any request
  invalid_http: {
    page: say(
      "Die Anfrage ist kein HTTP, oder auf der Verbindung warten mehr als 16 Anfragen.",
      "Nehmen Sie ein HTTP-Programm.",
    ),
  },
  head_too_large: { page: say("Die Kopfzeilen sind länger als 64 KiB.", "Senden Sie kürzere.") },
  token_required: {
    page: say(
      "Dieser Server verlangt einen Zugangsschlüssel.",
      "Fragen Sie die Person, die ihn betreibt, und versuchen Sie es dann noch einmal.",
    ),
  },
  token_expired: {
    page: say(
      "Ihr Zugang zu diesem Server ist abgelaufen.",
      "Fragen Sie die Person, die ihn betreibt, und versuchen Sie es dann noch einmal.",
    ),
  },
  unknown_code: {
    page: say(
      "Dieser Anmelde-Code ist verbraucht oder zu alt.",
      "Bitten Sie die Person, die den Server betreibt, um einen neuen.",
    ),
  },
  forbidden: { page: say("Das gehört nicht zu Ihrem Zugang.", "Fragen Sie die Person, die den Server betreibt.") },
  too_many_failures: { page: say("Der Server hat zu viele Anfragen abgelehnt.", MINUTE) },
  unknown_user: {
    page: say(
      "Diese Person gehört nicht zu Ihrem Zugang.",
      "Wählen Sie eine andere, oder fragen Sie die Person, die den Server betreibt.",
    ),
  },
  origin_not_allowed: {
    page: say("Der Server nimmt von dieser Adresse nichts an.", "Öffnen Sie die Seite unter der Adresse des Servers."),
  },
  upgrade_required: {
    page: say(
      "Diese Adresse ist für WebSockets; die Anfrage ist keine.",
      "Verbinden Sie sich mit einem WebSocket-Programm.",
    ),
  },
  not_found: { page: say("Der Server bietet das nicht an.", RELOAD) },
  method_not_allowed: {
    page: say("Diese Adresse nimmt die Methode nicht an.", "Sehen Sie unter /docs nach, welche es gibt."),
  },
  request_timeout: {
    page: say(
      "Die Verbindung ist zu langsam. Darum hat der Server nicht länger gewartet.",
      "Prüfen Sie Ihre Verbindung, und versuchen Sie es dann noch einmal.",
    ),
  },
  server_busy: { page: say("Der Server ist beschäftigt.", SOON) },
  body_too_large: { page: say("Die Anfrage ist größer als 1 MiB.", "Senden Sie eine kleinere.") },
  newer_format: { page: say("Der Server wird gerade erneuert. Nichts ist verloren.", SOON) },
  broker_unavailable: { page: say("Ein Teil des Servers läuft nicht. Nichts ist verloren.", SOON) },
  recorder_unavailable: {
    page: say(
      "Der Server hat nicht rechtzeitig geantwortet. Er behält, was Sie wollten.",
      "Drücken Sie den Knopf noch einmal, um es abzuschließen.",
    ),
  },
  session_directories_unavailable: { page: say("Der Server konnte seine Ordner nicht vorbereiten.", TELL) },
  wrong_user: { page: say("Diese Sitzung gehört einer anderen Person.", NEW_SESSION) },
  unknown_session: { page: say("Der Server kennt diese Sitzung nicht.", NEW_SESSION) },
  missing_session_path: { page: say("Der Ordner der Sitzung fehlt.", "Starten Sie eine neue Sitzung.") },
  event_too_large: {
    page: say("Was gesendet wurde, ist länger, als der Server erlaubt (meist 512 KiB).", "Senden Sie weniger."),
  },
  invalid_event: {
    page: say("Der Server kann das nicht in sein Protokoll schreiben.", "Prüfen Sie, was Sie eingegeben haben."),
  },
  recorder_io_error: { page: say("Der Server konnte nicht in sein Protokoll schreiben.", TELL) },
  recorder_error: {
    page: say(
      "Der Server wollte das nicht in sein Protokoll schreiben. Den Grund kennt er nicht.",
      "Den Grund nennt das Protokoll des Recorders.",
    ),
  },

  // what is recorded
  unknown_capture: { page: say("Der Server kennt diese Aufnahme nicht.", RELOAD) },
  not_recorded: { page: say("Die Aufnahme ist noch nicht gespeichert.", SOON) },
  capture_aborted: { page: say("Die Aufnahme wurde abgebrochen. Nichts davon wurde behalten.", RECORD_AGAIN) },
  capture_withdrawn: {
    page: say(
      "Die Einwilligung zu dieser Aufnahme wurde widerrufen. Darum wird sie nicht gezeigt.",
      "Nehmen Sie noch einmal auf, wenn die Person das möchte.",
    ),
  },
  capture_erased: {
    page: say("Die Aufnahme ist gelöscht.", "Lassen Sie sie weg, oder nehmen Sie noch einmal auf."),
  },
  invalid_cursor: { page: say("Der Server konnte diese Liste nicht fortsetzen.", RELOAD) },
  library_not_ready: { page: say("Der Server liest noch, was aufgenommen ist.", SOON) },
  library_unavailable: { page: say("Der Server kann nicht zeigen, was aufgenommen ist.", TELL) },
  artifact_missing: { page: say("Die Datei der Aufnahme fehlt.", "Holen Sie sie aus einer Sicherung zurück.") },
  artifact_elsewhere: { page: say("Die Datei der Aufnahme liegt nicht dort, wo der Server sucht.", TELL) },
  artifact_unreadable: { page: say("Die Datei der Aufnahme ist nicht lesbar.", TELL) },
  artifact_store_unavailable: { page: say("Der Speicher mit den Aufnahmen antwortet nicht.", SOON) },

  // studies
  unknown_dead_letter: { page: say("Das ist nicht mehr in der Liste.", "Laden Sie die Liste neu.") },
  would_fail_again: { page: say("Es würde wieder scheitern.", "Beheben Sie den Grund, oder verwerfen Sie es.") },
  unknown_study: { page: say("Der Server hat diese Studie nicht.", "Wählen Sie eine andere.") },
  study_unreadable: { page: say("Die Datei der Studie hat einen Fehler. Der Server kann sie nicht benutzen.", TELL) },
  studies_unreadable: { page: say("Der Server kann seine Studien nicht lesen.", TELL) },
};

export const codes = { en: constants.codes, de };
