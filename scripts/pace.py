"""When the next frame of a streamed clip may go: `scripts.client.pace`."""

from scripts.client.pace import Pace, StreamState

__all__ = ["Pace", "StreamState"]
