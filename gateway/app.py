"""The gateway's application: every route, and what each request goes through on its way there."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send

from contracts.messages.http import ClientLimits, Tick
from contracts.process.settings import Settings
from gateway import metrics
from gateway.capture import report
from gateway.capture.endpoint import capture_endpoint
from gateway.docs.routes import docs_routes
from gateway.http.pages import page_for_browsers, page_routes
from gateway.http.refusals import EXCEPTION_HANDLERS, ErrorBoundary, json_response, not_found, upgrade_required
from gateway.http.security import AccessControl, SecurityHeaders
from gateway.live.lane import LiveLane
from gateway.live.routes import live_routes
from gateway.monitoring import health
from gateway.monitoring.health import BrokerWatch
from gateway.preview.routes import preview_routes
from gateway.sessions import recording
from gateway.sessions import routes as sessions
from gateway.state import GatewayState
from gateway.uploads import jobs
from gateway.uploads import routes as uploads

__all__ = ["create_app"]


async def tick(request: Request) -> Response:
    """Enforces nothing: the capture socket ticks itself."""
    state: GatewayState = request.app.state.gateway
    return json_response(Tick(active_captures=state.active_captures).model_dump())


async def _wrong_address(scope: Scope, receive: Receive, send: Send) -> None:
    """At every address that no route has: a page for a person, the refusal for a program."""
    sockets = {route.path for route in scope["app"].routes if isinstance(route, WebSocketRoute)}
    if scope["type"] == "http" and scope["path"] in sockets:
        await upgrade_required(scope, receive, send)
        return
    await (page_for_browsers(scope, 404) or not_found)(scope, receive, send)


async def limits(request: Request) -> Response:
    """The limits of a capture, which an operator may have set: a client keeps them instead of guessing."""
    state: GatewayState = request.app.state.gateway
    return json_response(ClientLimits.of(state.settings.capture).model_dump())


def _cors(settings: Settings) -> list[Middleware]:
    """Pages of the allowed origins may read what they are answered; a browser asks for that beforehand."""
    if not settings.origins:
        return []
    origins, headers = sorted(settings.origins), ["Authorization", "Content-Type"]
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "POST"],
            allow_headers=headers,
            allow_private_network=True,  # a public page, a gateway at home: browsers ask for this one too
        )
    ]


def create_app(state: GatewayState) -> Starlette:
    """The application for one gateway process. It starts nothing: ``app.state.brokers.run()`` watches the
    brokers, and until that has looked at them ``/readyz`` answers 503 and no capture may be opened;
    ``app.state.live.run()`` takes the answers of the real-time lane."""
    app = Starlette(
        routes=[
            *page_routes(),
            *docs_routes(),
            *health.ROUTES,
            *metrics.ROUTES,
            *sessions.ROUTES,
            *recording.ROUTES,
            *report.ROUTES,
            *preview_routes(),
            *uploads.ROUTES,
            *jobs.ROUTES,
            Route("/camera_feed_worker/capture.tick", tick, methods=["POST"]),
            Route("/camera_feed_worker/limits", limits, methods=["GET"]),
            WebSocketRoute("/camera_feed_worker/capture", capture_endpoint),
            WebSocketRoute("/camera_feed_worker/ws", capture_endpoint),
            *live_routes(state.settings),
        ],
        middleware=[
            Middleware(SecurityHeaders),
            *_cors(state.settings),
            Middleware(ErrorBoundary),
            Middleware(AccessControl, settings=state.settings),
        ],
        exception_handlers=EXCEPTION_HANDLERS,
    )
    app.router.default = _wrong_address
    app.router.redirect_slashes = False
    app.state.gateway = state
    app.state.brokers = BrokerWatch(state)
    app.state.live = LiveLane(state)
    return app
