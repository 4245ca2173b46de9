/** Codes in words for the person in front of the page: what happened, and what to do now. */
const SENTENCES: Readonly<Record<string, string>> = {
  // the page itself
  network_error:
    "The server could not be reached. Check that it is running and that you are connected, then try again.",
  timeout: "The server took too long to answer. Try again in a moment.",
  unexpected_answer: "The server answered something this page does not understand. Load the page again.",
  page_error: "Something went wrong in this page. Load it again; what was recorded before is safe.",
  // access
  token_required: "This server asks for its access token. Ask the person who runs it, then try again.",
  origin_not_allowed:
    "This server does not accept requests from this address. Open the page at the server's own address.",
  // sessions
  unknown_session: "The server does not know this session. Start a new one.",
  wrong_user: "This session belongs to somebody else. Start a new one.",
  session_closed: "This session was ended already. Start a new one to go on.",
  session_invalid: "The server does not know this session. Start a new one.",
  schema_error: "The server did not accept what was sent. Check what you typed.",
  // the server's own state
  broker_unavailable: "A part of the server is not running at the moment. Nothing was lost; try again in a moment.",
  recorder_unavailable:
    "The recorder did not answer in time. Your request is kept; press the button again to finish it.",
  recorder_io_error: "The server could not write to its log. Tell the person who runs it, then try again.",
  session_directories_unavailable: "The server could not prepare its folders. Tell the person who runs it.",
  brokers_unready: "The server is still starting. Try again in a moment.",
  internal_error: "The server made a mistake. Try again; its log says more.",
  not_found: "The server does not offer this.",
};

/** The sentence for a code; for a code without one, the server's own detail. */
export function sentenceFor(code: string, detail = ""): string {
  return SENTENCES[code] ?? (detail || "The server refused this and gave no reason.");
}
