"""The routes of ``/docs`` and of its two documents. Each is built at its first request and kept in memory."""

from __future__ import annotations

import re
from functools import cache
from importlib.metadata import version

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.docs.asyncapi import asyncapi
from gateway.docs.openapi import openapi
from gateway.docs.page import page
from gateway.http.pages import BUILT, read_build

__all__ = ["docs_routes"]

_FRESH = {"Cache-Control": "no-cache"}


@cache
def _openapi(root_path: str) -> bytes:
    return orjson.dumps(openapi(version("a3cp"), root_path))


@cache
def _asyncapi(root_path: str) -> bytes:
    return orjson.dumps(asyncapi(version("a3cp"), root_path))


@cache
def _page(root_path: str) -> bytes:
    build = read_build(BUILT)
    styles = re.findall(r'href="(static/assets/[^"]+\.css)"', build.shell_at("/docs").decode()) if build else []
    icons = re.findall(r'href="(static/assets/[^"]+\.svg)"', build.shell_at("/docs").decode()) if build else []
    return page(orjson.loads(_openapi(root_path)), orjson.loads(_asyncapi(root_path)), styles, icons).encode()


def docs_routes(root_path: str) -> list[Route]:
    """The routes of the page and of the two documents, of a gateway that a proxy serves below ``root_path``."""

    # not async, so that Starlette runs it in a thread: building the page takes 0.1 s once
    def show(_request: Request) -> Response:
        return Response(_page(root_path), headers=_FRESH, media_type="text/html")

    def show_openapi(_request: Request) -> Response:
        return Response(_openapi(root_path), headers=_FRESH, media_type="application/openapi+json")

    def show_asyncapi(_request: Request) -> Response:
        return Response(_asyncapi(root_path), headers=_FRESH, media_type="application/asyncapi+json")

    return [
        Route("/docs", show, methods=["GET"]),
        Route("/docs/openapi.json", show_openapi, methods=["GET"]),
        Route("/docs/asyncapi.json", show_asyncapi, methods=["GET"]),
    ]
