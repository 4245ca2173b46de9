"""The pages, their files and the documents, for the OpenAPI document. None needs a token. No I/O."""

from __future__ import annotations

from gateway.docs.operation import DocumentedResponse, Operation

__all__ = ["PAGE_OPERATIONS"]

_PAGES = "Pages"
_HTML = ("text/html",)
_NOT_BUILT = DocumentedResponse(
    "The pages are not built; the answer says how to build them.", status=503, media_types=_HTML
)


def _page(path: str, summary: str) -> Operation:
    answers = (DocumentedResponse("The page.", media_types=_HTML),)
    return Operation("get", path, _PAGES, summary, answers if path == "/" else (*answers, _NOT_BUILT), open=True)


_ASSETS = ("text/javascript", "text/css", "image/svg+xml", "image/png")


def _file(path: str, summary: str, *media_types: str) -> Operation:
    response = DocumentedResponse("The file.", media_types=media_types)
    return Operation("get", path, _PAGES, summary, (response,), ("file",), open=True)


PAGE_OPERATIONS: tuple[Operation, ...] = (
    _page("/", "The home page, with the state of the system"),
    _page("/record", "Record a study"),
    _page("/live", "The live view"),
    _page("/upload", "Upload a video"),
    _page("/demo/session", "Start and end sessions"),
    _page("/demo/gesture", "Record a gesture"),
    _page("/library", "All recorded captures"),
    _page("/library/capture/{capture_id}", "One recorded capture"),
    _page("/library/person/{user_id}", "What is kept of one person, for that person"),
    _page("/operate", "What could not be recorded, for the operator"),
    _file("/static/assets/{name}", "A file that the pages load; it never changes", *_ASSETS),
    _file("/worker.js", "The service worker that keeps the shell of the pages", "text/javascript"),
    _file("/manifest.webmanifest", "What installs the pages as an app", "application/manifest+json"),
    _file("/authority.crt", "The local authority's certificate, if this server has one", "application/x-x509-ca-cert"),
    Operation(
        "get", "/docs", _PAGES, "Both documents as a page", (DocumentedResponse("The page.", media_types=_HTML),),
        open=True,
    ),
    Operation(
        "get", "/docs/openapi.json", _PAGES, "The OpenAPI document: this one",
        (DocumentedResponse("OpenAPI 3.1.", media_types=("application/openapi+json",)),), open=True,
    ),
    Operation(
        "get", "/docs/asyncapi.json", _PAGES, "The AsyncAPI document: WebSockets and Redis streams",
        (DocumentedResponse("AsyncAPI 3.0.", media_types=("application/asyncapi+json",)),), open=True,
    ),
)  # fmt: skip
