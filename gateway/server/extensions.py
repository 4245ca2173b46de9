"""What the server adds to the ASGI scope and messages of a WebSocket."""

from __future__ import annotations

from typing import Literal

__all__ = ["ENDED_BY_SERVER", "TAKE", "TOO_LONG", "ServerEnd"]

TAKE = "a3cp.take"
"""An extension of the ASGI scope: a dictionary in which an endpoint may store a function as ``message``. The server
calls it with each message that is one frame, in the turn of the event loop in which the message arrives. If the
function returns False, the message waits for the endpoint's ``receive`` and the server reads no further. The server's
own function there is ``hold``: after ``hold(True)`` it parses and reads no further until ``hold(False)`` or the
endpoint's close."""

TOO_LONG = "a3cp.too_long"
"""An extension of the ASGI scope: a dictionary in which an endpoint may store a function as ``text``. If the server
closes the socket itself because a message is too long, it calls the function and sends the text that it returns."""

ENDED_BY_SERVER = "a3cp.ended_by_server"
"""A field of ``websocket.disconnect`` that is set if the server, not the client, ended the connection. Its value is a
`ServerEnd`. Unless that is ``too_long``, the endpoint can still send, and must close the socket."""

ServerEnd = Literal["too_long", "too_slow", "no_room"]
