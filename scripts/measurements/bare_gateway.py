"""The floor of ingest: the simplest Starlette endpoint that writes what it receives into a stream.

It runs on the gateway's own server with the same settings. The endpoint checks nothing and has no limits.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Iterator

import redis.asyncio
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from contracts.process.listeners import address_of
from contracts.process.settings import load_settings
from gateway.server.uvicorn_server import open_listeners, server_config

__all__ = ["STREAMS", "main"]

STREAMS = [f"bare:{number}" for number in range(128)]
"""The streams for the frames; connections take them in turn."""


def _application(broker: redis.asyncio.Redis) -> Starlette:
    streams: Iterator[str] = itertools.cycle(STREAMS)

    async def capture(websocket: WebSocket) -> None:
        stream, text = next(streams), ""
        await websocket.accept()
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if message.get("bytes") is not None:
                await broker.xadd(stream, {"meta": text, "payload": message["bytes"]})
                continue
            text = message["text"]
            if '"capture.close"' in text:  # the same client sends to this endpoint and to the gateway
                await websocket.close()
                return

    return Starlette(routes=[WebSocketRoute("/camera_feed_worker/capture", capture)])


async def _serve() -> None:
    settings = load_settings()
    frames_url, _ = settings.broker_urls()
    listeners = open_listeners(settings)
    broker = redis.asyncio.Redis.from_url(frames_url)
    print(address_of(settings.host, listeners[0].getsockname()[1]), flush=True)
    try:
        await uvicorn.Server(server_config(_application(broker), settings)).serve(listeners)
    finally:
        await broker.aclose()


def main() -> int:
    """Print the address, then serve until a signal; returns 0."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve())
    return 0


if __name__ == "__main__":
    sys.exit(main())
