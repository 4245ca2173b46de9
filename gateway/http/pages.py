"""Serve the web pages: one HTML shell at the address of every page, and the files that it loads.

These files hold no data and need no token; a page requests its data like every other client. The process reads all
built files (of ``gateway/web``, in ``gateway/static``) when it starts. A request only looks a name up among them, so no
path of a request reaches the file system. The shell refers to its files relative to its own address, so a proxy may
serve the gateway below any path.

``worker.js`` is the service worker that makes the pages a web app. A browser lets it answer for the folder that it is
served from, so its address is at the top, beside the manifest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Scope

from contracts.rules.errors import RequestRefused

__all__ = ["BUILT", "SHELLS", "WEB_APP", "BuiltPages", "page_for_browsers", "page_routes", "read_build", "relative"]

SHELLS = (
    "/",
    "/demo/session",
    "/demo/gesture",
    "/record",
    "/live",
    "/upload",
    "/library",
    "/library/capture/{capture_id}",
    "/library/person/{user_id}",
    "/operate",
)
"""The addresses of the pages. All get the same shell; its script reads the address and shows the page."""

WEB_APP = {"/worker.js": "text/javascript", "/manifest.webmanifest": "application/manifest+json"}
"""What a browser asks for to install the pages, by its address, and its media type."""

BUILT = Path(__file__).parents[1] / "static"

_MEDIA_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_NOT_BUILT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>A3CP gateway</title>
</head>
<body>
<main>
<h1>A3CP gateway</h1>
<p>This server receives short camera captures over a WebSocket. It turns each into landmark features and one line in
the session's log. It never keeps the camera's pictures.</p>
<p>Its pages are not built. <code>./scripts/run</code> builds them and starts everything.</p>
<p><a href="/readyz">Is everything running?</a></p>
</main>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class BuiltPages:
    """The built pages: the shell; each file by its name, which contains a hash of the file's contents; and the files of
    the web app by their addresses."""

    shell: bytes
    files: Mapping[str, bytes]
    web_app: Mapping[str, bytes]

    def shell_at(self, path: str) -> bytes:
        """The shell for a path, with ``./assets/…`` and the manifest replaced by the relative paths from there."""
        shell = self.shell.replace(b'"./assets/', b'"%sassets/' % relative(path, "/static/").encode())
        manifest = "/manifest.webmanifest"
        return shell.replace(b'".%s"' % manifest.encode(), b'"%s"' % relative(path, manifest).encode())


def relative(path: str, target: str) -> str:
    """A relative link from a page at ``path`` to ``target``. It also works if a proxy adds a prefix to both paths."""
    return "../" * (path.count("/") - 1) + target.removeprefix("/") or "./"


def read_build(folder: Path) -> BuiltPages | None:
    """Read the built pages in a folder; None if there are none."""
    try:
        shell = (folder / "index.html").read_bytes()
        files = {path.name: path.read_bytes() for path in (folder / "assets").iterdir() if path.suffix in _MEDIA_TYPES}
        web_app = {path: (folder / path[1:]).read_bytes() for path in WEB_APP if (folder / path[1:]).exists()}
    except OSError:
        return None
    return BuiltPages(shell, files, web_app)


def page_for_browsers(scope: Scope, status: int) -> Response | None:
    """The shell, for a person whose browser asks for a wrong address. None if the pages are not built, or if the
    request is not a browser's request for a page."""
    asks = scope["type"] == "http" and scope["method"] == "GET"
    if not asks or "text/html" not in Headers(scope=scope).get("accept", "") or (build := _built_pages()) is None:
        return None
    return Response(build.shell_at(scope["path"]), status, {"Cache-Control": "no-cache"}, media_type="text/html")


@cache
def _built_pages() -> BuiltPages | None:
    return read_build(BUILT)


def page_routes(folder: Path = BUILT) -> list[Route]:
    """The routes of the pages. If the pages are not built, ``/`` says so with 200, and the other pages with 503."""
    build = read_build(folder)

    async def shell(request: Request) -> Response:
        fresh = {"Cache-Control": "no-cache"}
        if build is None:
            status = 200 if request.url.path == "/" else 503
            return Response(_NOT_BUILT, status, fresh, media_type="text/html")
        return Response(build.shell_at(request.url.path), headers=fresh, media_type="text/html")

    async def file(request: Request) -> Response:
        name = request.path_params["name"]
        body = build.files.get(name) if build else None
        if body is None:
            raise RequestRefused(404, "not_found", "There is no such file. The page may be older than the server.")
        kept = {"Cache-Control": "public, max-age=31536000, immutable"}
        return Response(body, headers=kept, media_type=_MEDIA_TYPES[Path(name).suffix])

    async def web_app(request: Request) -> Response:
        path = request.url.path
        body = build.web_app.get(path) if build else None
        if body is None:
            raise RequestRefused(404, "not_found", "The pages of this server cannot be installed.")
        return Response(body, headers={"Cache-Control": "no-cache"}, media_type=WEB_APP[path])

    shells = [Route(path, shell, methods=["GET"]) for path in SHELLS]
    apps = [Route(path, web_app, methods=["GET"]) for path in WEB_APP]
    return [*shells, *apps, Route("/static/assets/{name}", file, methods=["GET"])]
