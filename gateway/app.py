"""Create the gateway's ASGI application: its routes and its middleware."""

from __future__ import annotations

from functools import partial

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send

from contracts.messages.http import ClientLimits, Tick
from contracts.process.settings import Settings
from contracts.state.window import CaptureWindow
from gateway import metrics
from gateway.access import routes as access
from gateway.access.guard import guarded
from gateway.capture import report
from gateway.capture.endpoint import capture_endpoint
from gateway.consent.routes import consent_routes
from gateway.consent.text import load_consent_text
from gateway.docs.routes import docs_routes
from gateway.http.authority import authority_routes
from gateway.http.pages import page_for_browsers, page_routes
from gateway.http.refusals import EXCEPTION_HANDLERS, ErrorBoundary, json_response, not_found, upgrade_required
from gateway.http.reverse_proxy import below_root_path, check_root_path, forwarded_headers
from gateway.http.security import AccessControl, SecurityHeaders
from gateway.library import routes as library
from gateway.library.erasures import Erasures
from gateway.library.library import Library
from gateway.library.reader import is_recorded
from gateway.library.retention import Retention
from gateway.live.lane import LiveLane
from gateway.live.routes import live_routes
from gateway.monitoring import health
from gateway.monitoring.health import BrokerWatch
from gateway.operate import routes as operate
from gateway.preview.routes import preview_routes
from gateway.sessions import recording
from gateway.sessions import routes as sessions
from gateway.state import GatewayState
from gateway.studies.folder import StudyFolder
from gateway.studies.retention import retention_rules
from gateway.studies.routes import study_routes
from gateway.uploads import jobs
from gateway.uploads import routes as uploads

__all__ = ["create_app"]


async def tick(request: Request) -> Response:
    """Answer with the number of open captures. It checks no time limit: every capture socket has its own timer."""
    state: GatewayState = request.app.state.gateway
    return json_response(Tick(active_captures=state.counts.all_captures).model_dump())


async def _wrong_address(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer at every address without a route: with a page for a person, with a refusal for a program."""
    sockets = {route.path for route in scope["app"].routes if isinstance(route, WebSocketRoute)}
    if scope["type"] == "http" and scope["path"] in sockets:
        await upgrade_required(scope, receive, send)
        return
    await (page_for_browsers(scope, 404) or not_found)(scope, receive, send)


async def limits(request: Request) -> Response:
    """Answer with the limits of a capture, which the operator may have changed, so that a client can keep them."""
    state: GatewayState = request.app.state.gateway
    return json_response(ClientLimits.of(state.settings.capture).model_dump())


def _cors(settings: Settings) -> list[Middleware]:
    """Let pages of the allowed origins read answers (CORS). Browsers ask for this permission before they do."""
    if not settings.origins:
        return []
    origins, headers = sorted(settings.origins), ["Authorization", "Content-Type"]
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "POST"],
            allow_headers=headers,
            allow_private_network=True,  # Chrome also asks for it if a public page uses a gateway in a home network
        )
    ]


_CAPTURE_ROUTES = [
    Route("/camera_feed_worker/capture.tick", tick, methods=["POST"]),
    Route("/camera_feed_worker/limits", limits, methods=["GET"]),
    WebSocketRoute("/camera_feed_worker/capture", capture_endpoint),
    WebSocketRoute("/camera_feed_worker/ws", capture_endpoint),
]

_UPLOAD_ROUTES = [*uploads.ROUTES, *jobs.ROUTES]


def _session_routes(settings: Settings, studies: StudyFolder) -> list[Route]:
    consent = load_consent_text(settings)
    return [*consent_routes(consent), *study_routes(studies, consent), *sessions.ROUTES, *recording.ROUTES]


def _open_routes(settings: Settings) -> list[Route]:
    return [*page_routes(), *docs_routes(settings.root_path), *authority_routes(settings.tls_ca)]


def _middleware(state: GatewayState) -> list[Middleware]:
    return [
        *forwarded_headers(state.settings),
        Middleware(SecurityHeaders, certificate=state.certificate),
        *below_root_path(state.settings),
        *_cors(state.settings),
        Middleware(ErrorBoundary),
        Middleware(AccessControl, settings=state.settings, access=state.access),
    ]


def create_app(state: GatewayState) -> Starlette:
    """Create the application for one gateway process. This starts no task.

    The caller runs ``app.state.brokers.run()``, which checks the brokers: before its first check ``/readyz`` answers
    503 and no capture can be opened. It also runs ``app.state.live.run()``, which reads the live workers' answers,
    ``app.state.library.run()``, which keeps the catalog up to date (and closes that library at the end),
    ``app.state.erasures.run()``, which asks for erasures, and ``app.state.retention.run()``, which withdraws what was
    kept long enough. Raises `ConfigurationError` for ``A3CP_CONSENT_FILE``, ``A3CP_STUDIES_DIR`` and
    ``A3CP_ROOT_PATH``.
    """
    studies = StudyFolder(state.settings.studies_dir, state.settings.capture)
    app = Starlette(
        routes=guarded(
            [
                *_open_routes(state.settings),
                *health.ROUTES,
                *metrics.ROUTES,
                *_session_routes(state.settings, studies),
                *report.ROUTES,
                *preview_routes(),
                *_UPLOAD_ROUTES,
                *library.ROUTES,
                *operate.ROUTES,
                *_CAPTURE_ROUTES,
                *live_routes(state.settings),
                *access.ROUTES,
            ]
        ),
        middleware=_middleware(state),
        exception_handlers=EXCEPTION_HANDLERS,
    )
    check_root_path(state.settings.root_path, app.routes)
    app.router.default = _wrong_address
    app.router.redirect_slashes = False
    app.state.gateway = state
    app.state.brokers = BrokerWatch(state)
    app.state.live = LiveLane(state)
    _add_library(app, state, studies)
    return app


def _add_library(app: Starlette, state: GatewayState, studies: StudyFolder) -> None:
    """What reads the catalog beside the routes."""
    library = app.state.library = Library(state.settings)

    async def recorded(window: CaptureWindow) -> bool:
        return bool(await library.glance(partial(is_recorded, window=window)))

    state.is_recorded = recorded
    app.state.erasures = Erasures(state, app.state.library)
    rules = partial(retention_rules, state.settings, studies)
    app.state.retention = Retention(state, app.state.library, app.state.erasures, rules)
