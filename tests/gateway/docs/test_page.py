"""/docs: the documents and the page that shows them."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

from pydantic import SecretStr

from gateway.docs.asyncapi import asyncapi
from gateway.docs.openapi import openapi
from gateway.docs.page import page
from tests.gateway.reached import reaching

OPENAPI, ASYNCAPI = openapi("0.0.0"), asyncapi("0.0.0")
PAGE = page(OPENAPI, ASYNCAPI, ["static/assets/index-a1.css"], ["static/assets/icon-b2.svg"])
VOID = {"meta", "link"}


class _Outline(HTMLParser):
    """Collects the open elements, every id, and every link within the page."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.inner: set[str] = set()
        self.labels: set[str] = set()
        self.heads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag not in VOID:
            self.open.append(tag)
        self.ids += [given["id"]] if "id" in given else []
        self.labels |= {given["aria-labelledby"]} if "aria-labelledby" in given else set()
        self.inner |= {given["href"][1:]} if given.get("href", "").startswith("#") else set()
        self.heads += [tag] if re.fullmatch("h[1-6]", tag) else []

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


async def test_both_documents_are_served_whole_and_need_no_token(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False, api_token=SecretStr("s3cret")) as gateway:
        for path, made, kind in [
            ("/docs/openapi.json", OPENAPI, "application/openapi+json"),
            ("/docs/asyncapi.json", ASYNCAPI, "application/asyncapi+json"),
        ]:
            answer = await gateway.client.get(path)
            assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
            served = answer.json()
            assert re.fullmatch(r"\d+\.\d+\.\d+\S*", served["info"].pop("version"))
            assert served == {**made, "info": {k: v for k, v in made["info"].items() if k != "version"}}
        answer = await gateway.client.get("/docs")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert (await gateway.client.get("/docs/other")).status_code == 404


def test_the_page_is_well_formed_and_its_links_lead_somewhere() -> None:
    outline = _Outline()
    outline.feed(PAGE)
    assert not outline.open
    assert len(outline.ids) == len(set(outline.ids)) > 60
    assert outline.inner | outline.labels <= set(outline.ids)
    assert outline.heads[0] == "h1" and outline.heads.count("h1") == 1
    assert set(outline.heads) == {"h1", "h2", "h3"}


def test_the_page_needs_nothing_that_its_policy_forbids() -> None:
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=|(src|href)=\"(https?:)?//", PAGE)


def test_the_page_shows_every_route_channel_and_code() -> None:
    for path, methods in OPENAPI["paths"].items():
        for method in methods:
            assert f"<code>{method.upper()} {path}</code>" in PAGE
    for channel in ASYNCAPI["channels"].values():
        for close in channel.get("x-close-codes", []):
            assert f"<code>{close['reason']}</code>" in PAGE or not close["reason"]
    for name in OPENAPI["components"]["schemas"] | ASYNCAPI["components"]["schemas"]:
        assert f'<h3 id="{name}">' in PAGE


def test_text_of_the_documents_cannot_become_markup() -> None:
    title = {**OPENAPI, "info": {**OPENAPI["info"], "version": "<b>", "description": "<script>`<i>`"}}
    assert not re.search("<b>|<script>|<i>", page(title, ASYNCAPI, [], []))
