"""The web pages: the shell at every page's address, its files, and its content security policy."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette

from gateway.http import pages
from gateway.http.pages import BUILT, SHELLS, page_routes, read_build
from gateway.http.refusals import EXCEPTION_HANDLERS
from tests.gateway.reached import ORIGIN, assert_refused, reaching

WEB = Path(__file__).parents[3] / "gateway" / "web"


def built(folder: Path) -> Path:
    """A folder as the build leaves it."""
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text('<!doctype html><script src="./assets/index-a1b2.js"></script>')
    (folder / "worker.js").write_text("the worker")
    (folder / "manifest.webmanifest").write_text("{}")
    (folder / "secret.js").write_text("no page's file")
    for name in ("index-a1b2.js", "index-c3d4.css", "icon-e5f6.svg", "notes.txt"):
        (folder / "assets" / name).write_text(f"this is {name}")
    return folder


def serving(folder: Path) -> httpx.AsyncClient:
    app = Starlette(routes=page_routes(folder), exception_handlers=EXCEPTION_HANDLERS)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN)


async def test_every_page_is_the_one_shell_and_browsers_ask_for_it_each_time(tmp_path: Path) -> None:
    async with serving(built(tmp_path)) as client:
        for path in SHELLS:
            answer = await client.get(path)
            assert answer.status_code == 200
            [file] = re.findall('src="([^"]*)"', answer.text)
            assert urljoin(f"https://proxy.example/a3cp{path}", file) == (
                "https://proxy.example/a3cp/static/assets/index-a1b2.js"
            )
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            assert answer.headers["cache-control"] == "no-cache"
            assert (await client.head(path)).status_code == 200


@pytest.mark.parametrize(
    ("name", "media_type"),
    [("index-a1b2.js", "text/javascript"), ("index-c3d4.css", "text/css"), ("icon-e5f6.svg", "image/svg+xml")],
)
async def test_built_files_may_be_cached_for_ever(tmp_path: Path, name: str, media_type: str) -> None:
    async with serving(built(tmp_path)) as client:
        answer = await client.get(f"/static/assets/{name}")
        assert (answer.status_code, answer.text) == (200, f"this is {name}")
        assert answer.headers["content-type"].split(";")[0] == media_type
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    "path",
    [
        "/static/assets/",
        "/static/assets/absent.js",
        "/static/assets/notes.txt",
        "/static/assets/../secret.js",
        "/static/assets/..%2fsecret.js",
        "/static/assets/%2e%2e/secret.js",
        "/static/assets/..%2f..%2f..%2fpages.py",
        "/static/assets/%2fetc%2fpasswd",
        "/static/assets/index-a1b2.js%00",
        "/static/index.html",
        "/static/secret.js",
    ],
)
async def test_nothing_but_the_builds_own_files_is_served(tmp_path: Path, path: str) -> None:
    app = Starlette(routes=page_routes(built(tmp_path)), exception_handlers=EXCEPTION_HANDLERS)
    # the raw path: the client would normalize it
    raw = path.encode()
    scope = {"type": "http", "method": "GET", "headers": [], "query_string": b"", "raw_path": raw}
    sent = []

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    await app({**scope, "path": httpx.URL(ORIGIN + path).path if "%" in path else path}, receive, send)  # type: ignore[arg-type]
    assert sent[0]["status"] == 404


async def test_without_a_build_the_first_page_says_how_to_make_one(tmp_path: Path) -> None:
    async with serving(tmp_path / "absent") as client:
        for path in SHELLS:
            answer = await client.get(path)
            assert answer.status_code == (200 if path == "/" else 503)
            assert "./scripts/run" in answer.text
        assert_refused(await client.get("/static/assets/index-a1b2.js"), 404, "not_found")


async def test_the_web_app_is_beside_the_first_page_and_asked_for_each_time(tmp_path: Path) -> None:
    folder = built(tmp_path)
    with (folder / "index.html").open("a") as shell:
        shell.write('<link rel="manifest" href="./manifest.webmanifest">')
    async with serving(folder) as client:
        for path, kind in (("/worker.js", "text/javascript"), ("/manifest.webmanifest", "application/manifest+json")):
            answer = await client.get(path)
            assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")
            assert answer.headers["content-type"].split(";")[0] == kind
        for path in SHELLS:
            [link] = re.findall('href="([^"]*)"', (await client.get(path)).text)
            assert urljoin(f"https://proxy.example/a3cp{path}", link) == (
                "https://proxy.example/a3cp/manifest.webmanifest"
            )
    async with serving(tmp_path / "absent") as client:
        assert_refused(await client.get("/worker.js"), 404, "not_found")


def test_an_incomplete_build_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("only this")
    assert read_build(tmp_path) is None


async def test_pages_and_their_files_need_no_token(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False, api_token=SecretStr("s3cret")) as gateway:
        for path in (*SHELLS, "/static/assets/index-a1b2.js", "/worker.js", "/manifest.webmanifest"):
            assert (await gateway.client.get(path)).status_code in (200, 404, 503), path
        assert_refused(await gateway.client.post("/live"), 401, "token_required")


async def test_a_page_may_run_and_load_only_what_comes_from_this_server(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        header = (await gateway.client.get("/demo/gesture")).headers["content-security-policy"]
        policy = dict(rule.split(" ", 1) for rule in header.split("; "))
        assert policy == {
            "default-src": "'none'",
            "script-src": "'self'",
            "style-src": "'self'",
            "img-src": "'self' blob:",
            "media-src": "'self' blob:",
            "connect-src": "'self'",
            "manifest-src": "'self'",
            "worker-src": "'self'",
            "base-uri": "'none'",
            "form-action": "'none'",
            "frame-ancestors": "'none'",
        }


def test_the_shell_is_served_where_the_pages_have_their_routes() -> None:
    routes = (WEB / "src" / "routes.ts").read_text()
    assert sorted(re.findall(r'\{ path: "(/[^"]*)"', routes)) == sorted(SHELLS)


def test_the_shell_needs_nothing_that_its_policy_forbids() -> None:
    shell = (WEB / "index.html").read_text()
    assert not re.search(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son\w+=|://", shell)


@pytest.mark.parametrize("path", ["/live/", "/gesture", "/demo", "/a/b/c/", "/LIVE"])
@pytest.mark.parametrize("token", [None, SecretStr("s3cret")])
async def test_a_wrong_address_is_a_page_for_a_browser_and_a_refusal_for_a_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, token: SecretStr | None
) -> None:
    build = read_build(built(tmp_path / "static"))
    monkeypatch.setattr(pages, "_built_pages", lambda: build)
    status, code = (401, "token_required") if token else (404, "not_found")
    async with reaching(tmp_path, recorder=False, api_token=token) as gateway:
        answer = await gateway.client.get(path, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
        assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
        [file] = re.findall('src="([^"]*)"', answer.text)
        assert urljoin(f"http://127.0.0.1{path}", file) == "http://127.0.0.1/static/assets/index-a1b2.js"
        assert_refused(await gateway.client.get(path), status, code)
        assert_refused(await gateway.client.post(path, headers={"Accept": "text/html"}), status, code)


def test_the_gateway_reads_the_pages_where_the_commands_build_them() -> None:
    assert WEB.parent / "static" == BUILT
    assert "BUILT=$ROOT/gateway/static" in (WEB.parents[1] / "scripts" / "web.sh").read_text()
