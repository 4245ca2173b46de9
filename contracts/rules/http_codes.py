"""The error codes that occur in HTTP refusals only: a part of the table in `contracts.rules.codes`. No I/O.

An entry says in ``http`` where it occurs and with which status; the OpenAPI document lists it there.
"""

from __future__ import annotations

from contracts.rules.code_entry import IN_A_MOMENT, NEW_SESSION, RELOAD, TELL_OPERATOR, Code, Place

__all__ = ["HTTP_CODES"]


def _missing(name: str, *places: Place) -> Code:
    return Code(f"`{name}` is missing or null.", f"Send {name}.", http=dict.fromkeys(places, 400),
                page=("The server did not accept the data from this page.", RELOAD))  # fmt: skip


HTTP_CODES: dict[str, Code] = {
    "invalid_http": Code("The request is not HTTP, or more than 16 requests are waiting on the connection.",
                         "Use an HTTP client.", http={"any": 400}),
    "head_too_large": Code("The headers are longer than 64 KiB.", "Send shorter headers.", http={"any": 431}),
    "token_required": Code(
        "The server has a token, and the request does not have it.", "Set A3CP_API_TOKEN, or ask the operator for it.",
        http={"guarded": 401}, page=("This server asks for its access token.",
                                     "Ask the person who runs it, then try again."),
    ),
    "origin_not_allowed": Code(
        "A page of another origin sent the request, and the server does not allow that origin.",
        "Open the page at the server's own address, or add its origin to A3CP_ALLOWED_ORIGINS.", http={"post": 403},
        page=("This server does not accept requests from this address.", "Open the page at the server's own address."),
    ),
    "upgrade_required": Code("The address is for WebSockets, and the request is not a WebSocket handshake.",
                             "Connect with a WebSocket client.", http={"route": 426}),
    "not_found": Code("There is nothing at this address.", "Look the address up in /docs.",
                      http={"route": 404, "file": 404}, page=("The server does not offer this.", RELOAD)),
    "method_not_allowed": Code("The address does not support this method.", "Look the method up in /docs.",
                               http={"route": 405}),
    "request_timeout": Code("The body did not arrive in time.", "Check the connection, then send it again.",
                            http={"body": 408, "event": 408, "upload": 408},
                            page=("The connection is too slow, so the server stopped waiting.",
                                  "Check your connection, then try again.")),
    "server_busy": Code("All request bodies together use too much memory, and this one uses the most.",
                        IN_A_MOMENT, retry=True, http={"body": 503}, page=("The server is busy.", IN_A_MOMENT)),
    "body_too_large": Code("The body is longer than 1 MiB.", "Send a shorter one.", http={"body": 413}),
    "broker_unavailable": Code(
        "A broker does not answer.", IN_A_MOMENT, retry=True, http={"broker": 503},
        page=("A part of the server is not running. Nothing is lost.", IN_A_MOMENT),
    ),
    "recorder_unavailable": Code(
        "No recorder answered in 5 s. The server keeps the request.", "Repeat the request to get its answer.",
        retry=True, http={"append": 503}, page=("The recorder did not answer in time. The server keeps your request.",
                                                "Press the button again to finish it."),
    ),
    "session_directories_unavailable": Code(
        "The server cannot create the session's directories.", "Check the disk and the permissions of DATA_ROOT.",
        http={"session_start": 503}, page=("The server could not prepare its folders.", TELL_OPERATOR),
    ),
    "wrong_user": Code("The session belongs to another user.", "Use a session of this user.",
                       http={"session_end": 400}, page=("This session belongs to another user.", "Start a new one.")),
    "unknown_session": Code(
        "This user has no session with this id.", NEW_SESSION,
        http={"session_end": 404, "upload": 404, "withdrawal": 404},
        page=("The server does not know this session.", "Start a new one."),
    ),
    "missing_session_path": Code("The session's directory does not exist.", NEW_SESSION, http={"append": 409}),
    "event_too_large": Code("The event's line is longer than the server allows (512 KiB by default).",
                            "Send a smaller event.", http={"append": 413}),
    "invalid_event": Code("The event cannot be put into a log.", "Check the event's fields.", http={"append": 422}),
    "recorder_io_error": Code(
        "The file system refused the write. The recorder tries again.", "Check the disk of LOG_ROOT.", retry=True,
        http={"append": 500}, page=("The server could not write to its log.", TELL_OPERATOR),
    ),
    "recorder_error": Code("The recorder refused the event for a reason that this server does not know.",
                           "Read the recorder's log.", http={"append": 500}),
    "unknown_capture": Code("There is no such capture.", "Check the capture_id.",
                            http={"capture": 404, "statement": 404, "withdrawal": 404},
                            page=("The server does not know this capture.", RELOAD)),
    "not_recorded": Code("The capture is not recorded, or not yet.", "Wait until its status is recorded.",
                         retry=True, http={"picture": 404, "statement": 409},
                         page=("The capture is not recorded yet.", IN_A_MOMENT)),
    "capture_aborted": Code("The capture was aborted, so nothing of it is kept.", "Record it again.",
                            http={"statement": 409, "withdrawal": 409}),
    "capture_withdrawn": Code("Consent to the capture is withdrawn.", "Leave it out, or record it again.",
                              http={"picture": 410, "result": 410},
                              page=("Consent to this recording was withdrawn, so it is not shown.",
                                    "Record it again if the person wants that.")),
    "capture_erased": Code("The capture is erased.", "Leave it out, or record it again.",
                           http={"statement": 409, "withdrawal": 409, "picture": 410, "result": 410}),
    "invalid_cursor": Code("`cursor` is not the `next` of a page with the same parameters.",
                           "Begin with the first page.", http={"library_list": 400},
                           page=("The server could not go on with this list.", RELOAD)),
    "library_not_ready": Code("The server is still reading its logs for the first time since it was started.",
                              IN_A_MOMENT, retry=True, http={"library_read": 503},
                              page=("The server is still reading what is recorded.", IN_A_MOMENT)),
    "library_unavailable": Code(
        "The server cannot keep its catalog of captures.", "Check the disk and the permissions of A3CP_STATE_DIR.",
        retry=True, http={"library": 503}, page=("The server cannot list what is recorded.", TELL_OPERATOR),
    ),
    "artifact_missing": Code("The capture's file does not exist.", "Restore it from a backup.", http={"picture": 404}),
    "artifact_elsewhere": Code("The capture's file is not where this server looks.",
                               "Check DATA_ROOT and A3CP_ARTIFACT_URL.", http={"picture": 404},
                               page=("The capture's file is not where this server looks.", TELL_OPERATOR)),
    "artifact_unreadable": Code("The capture's file cannot be read, or is not the one that was recorded.",
                                "Run `a3cp verify`.", http={"picture": 500},
                                page=("The capture's file cannot be read.", TELL_OPERATOR)),
    "artifact_store_unavailable": Code("The object store does not answer.", IN_A_MOMENT, retry=True,
                                       http={"picture": 503}),
    "unknown_study": Code("There is no such study.", "Look its name up in `GET /studies`.", http={"study": 404},
                          page=("The server does not have this study.", "Choose another one.")),
    "study_unreadable": Code("The study's file has a mistake, or cannot be read.",
                             "Run `a3cp study check FILE`, which explains it.", http={"study": 500},
                             page=("The study's file has a mistake, so the server cannot use it.", TELL_OPERATOR)),
    "studies_unreadable": Code("The folder of the studies cannot be read.", "Check A3CP_STUDIES_DIR.",
                               http={"studies": 500},
                               page=("The server cannot read its studies.", TELL_OPERATOR)),
    "unknown_job": Code("There is no such job.", "Check the job_id.", http={"job": 404},
                        page=("The server does not know this video.", "Upload it again.")),
    "file_too_large": Code("The video is larger than the server allows.", "Upload a smaller one.",
                           http={"upload": 413}, page=("The video is too large. The usual limit is 200 MB.",
                                                       "Upload a smaller one.")),
    "not_multipart": Code("The body is not `multipart/form-data`.", "Send a form with a file.", http={"upload": 415},
                          page=("The server could not read this upload.", RELOAD)),
    "too_many_uploads": Code("The server has no room for another video now.", "Try again later.", retry=True,
                             http={"upload": 429}),
    "upload_lost": Code("The broker lost the video before the server had all of it.", "Upload it again.", retry=True,
                        http={"upload": 503}),
    "missing_performer_id": _missing("performer_id", "session_start", "session_end", "statement", "withdrawal"),
    "missing_session_id": _missing("session_id", "session_end", "event", "upload", "statement"),
    "missing_user_id": _missing("user_id", "event", "statement", "withdrawal"),
    "missing_source": _missing("source", "event"),
}  # fmt: skip
