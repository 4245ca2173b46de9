"""``GET /authority.crt``: the certificate of the local authority, for devices that are to trust it."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts.process.certificates import first_certificate
from contracts.rules.errors import RequestRefused

__all__ = ["authority_routes"]


def authority_routes(ca: Path | None) -> list[Route]:
    """The route. It gives out the first certificate in the file ``ca`` and nothing else of it, in the form (DER) that
    all systems install."""

    async def authority(_: Request) -> Response:
        text = await asyncio.to_thread(_read, ca) if ca is not None else None
        if text is None:
            raise RequestRefused(404, "not_found", "This server has no authority of its own.")
        headers = {"Content-Disposition": 'attachment; filename="a3cp-authority.crt"', "Cache-Control": "no-store"}
        return Response(ssl.PEM_cert_to_DER_cert(text), media_type="application/x-x509-ca-cert", headers=headers)

    return [Route("/authority.crt", authority, methods=["GET"])]


def _read(ca: Path) -> str | None:
    try:
        return first_certificate(ca)
    except (OSError, ssl.SSLError):
        return None
