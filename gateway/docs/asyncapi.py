"""Build the AsyncAPI 3.0 document: the WebSockets, and the Redis streams between the processes. No I/O.

AsyncAPI cannot describe how a WebSocket is closed, so the channels have an extension for it, ``x-close-codes``.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from contracts.messages.event import A3CPMessage, FeatureRefEvent
from contracts.messages.http import SessionEnded, SessionStarted
from gateway.docs.examples import EXAMPLES
from gateway.docs.schemas import components, reference
from gateway.docs.sockets import READ, SOCKETS, WRITTEN
from gateway.docs.streams import STREAMS, Entry, Stream

__all__ = ["asyncapi"]

_INTRODUCTION = """\
The WebSockets for captures and for the real-time lane, and the Redis streams through which the gateway, the extractors,
the live workers and the recorder exchange messages. Actions are described from the server's side. If the server has a
token, a client sends it as `Authorization: Bearer …`, and a browser as the subprotocol `bearer.<token>`. The server
refuses a handshake with 401 `token_required` or `token_expired`, 403 `origin_not_allowed` or `forbidden`, 404
`not_found` or 429 `too_many_failures`. It ends a socket with `access_ended` within seconds after the token was revoked
or has expired.

Fields of Redis entries are strings. Sessions, uploads and all other HTTP routes are in the OpenAPI document.
"""

Message = dict[str, Any]
_Kind = type[BaseModel] | tuple[str, str, Message]


def asyncapi(version: str, root_path: str = "") -> dict[str, Any]:
    """Build the document. ``version`` is the version of this project; proxies serve it below ``root_path``."""
    read: list[type[BaseModel]] = [*READ, A3CPMessage]
    written: list[type[BaseModel]] = [*WRITTEN, FeatureRefEvent, SessionStarted, SessionEnded]
    entries = {entry.name: entry for stream in STREAMS for entry in stream.entries}
    kinds = [kind for socket in SOCKETS.values() for kind in (*socket["receives"], *socket["sends"])]
    channels = {name: _socket(socket) for name, socket in SOCKETS.items()} | {
        stream.name: _stream(stream) for stream in STREAMS
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "A3CP",
            "version": version,
            "description": _INTRODUCTION,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": _servers(root_path),
        "channels": channels,
        "operations": _operations(),
        "components": {
            "messages": {_name(kind): _message(kind) for kind in kinds}
            | {name: _entry_message(entry) for name, entry in entries.items()},
            "schemas": components(read, written) | {name: _shown(entry.schema) for name, entry in entries.items()},
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Needed if the server was started with `A3CP_API_TOKEN` or `A3CP_ACCESS_FILE`.",
                }
            },
        },
    }


def _servers(root_path: str) -> dict[str, Any]:
    def broker(role: str, kept: str) -> dict[str, Any]:
        return {
            "host": "{host}",
            "protocol": "redis",
            "title": f"The {role} broker",
            "description": f"Redis 7 or Valkey 8, or newer, at `A3CP_{role.upper()}_URL`. {kept}",
            "variables": {"host": {"default": "127.0.0.1:6379", "description": "Or a Unix socket."}},
        }

    return {
        "gateway": {
            "host": "{host}:{port}",
            "protocol": "ws",
            **({"pathname": root_path} if root_path else {}),
            "title": "The gateway",
            "description": "With TLS the protocol is `wss`.",
            "variables": {
                "host": {"default": "127.0.0.1", "description": "`A3CP_HOST`"},
                "port": {"default": "8000", "description": "`A3CP_PORT`"},
            },
            "security": [{"$ref": "#/components/securitySchemes/token"}],
        },
        "frames": broker("frames", "It keeps data in memory only and must not write to a disk."),
        "events": broker("events", "It is durable: it writes an append-only file."),
    }


def _name(kind: _Kind) -> str:
    return kind[0] if isinstance(kind, tuple) else kind.__name__


def _message(kind: _Kind) -> Message:
    if isinstance(kind, tuple):
        name, summary, body = kind
        return {"name": name, "title": name, "summary": summary, **body}
    name = kind.__name__
    summary = " ".join((kind.__doc__ or "").partition("\n\n")[0].replace("``", "`").split())
    return {
        "name": name,
        "title": name,
        "summary": summary,
        "contentType": "application/json",
        "payload": reference(name),
        "examples": [{"payload": EXAMPLES[name]}],
    }


def _entry_message(entry: Entry) -> Message:
    made: Message = {
        "name": entry.name,
        "title": entry.name,
        "summary": entry.schema["description"],
        "contentType": "application/octet-stream" if entry.example is None else "text/plain",
        "payload": reference(entry.name),
    }
    return made if entry.example is None else {**made, "examples": [{"payload": entry.example}]}


def _shown(schema: Any) -> Any:
    """The schema without ``x-optional``, which only `entry_schema` uses."""
    if isinstance(schema, dict):
        return {name: _shown(value) for name, value in schema.items() if name != "x-optional"}
    return schema


def _messages(names: list[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/messages/{name}"} for name in names}


def _socket(socket: dict[str, Any]) -> dict[str, Any]:
    binding: dict[str, Any] = {"method": "GET", "bindingVersion": "0.1.0"}
    if "query" in socket:
        binding["query"] = socket["query"]
    return {
        "address": socket["address"],
        "title": socket["title"],
        "description": socket["description"],
        "servers": [{"$ref": "#/servers/gateway"}],
        "messages": _messages([_name(kind) for kind in (*socket["receives"], *socket["sends"])]),
        "bindings": {"ws": binding},
        "x-close-codes": socket["closes"],
    }


def _stream(stream: Stream) -> dict[str, Any]:
    made: dict[str, Any] = {
        "address": stream.address,
        "title": stream.title,
        "description": stream.description,
        "servers": [{"$ref": f"#/servers/{stream.role}"}],
        "messages": _messages([entry.name for entry in stream.entries]),
        "x-redis-key": stream.key,
    }
    if stream.tag:
        description = f"The hash tag `{stream.tag}`, with its braces."
        fixed = "<" not in stream.tag
        parameter = {"enum": [stream.tag], "default": stream.tag} if fixed else {}
        made["parameters"] = {"tag": {"description": description, **parameter}}
    return {**made, "x-redis-group": stream.group} if stream.group else made


def _operations() -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, socket in SOCKETS.items():
        for action in ("receive", "send"):
            names = [_name(kind) for kind in socket[f"{action}s"]]
            made[f"{name}.{action}"] = _operation(action, name, names)
    for stream in STREAMS:
        for action in ("send", "receive"):
            made[f"{stream.name}.{action}"] = _operation(action, stream.name, [entry.name for entry in stream.entries])
    del made["deadLetters.receive"]  # no process reads dead letters; the operator does
    return made


def _operation(action: str, channel: str, names: list[str]) -> dict[str, Any]:
    place = f"#/channels/{channel}"
    messages = [{"$ref": f"{place}/messages/{name}"} for name in names]
    return {"action": action, "channel": {"$ref": place}, "messages": messages}
