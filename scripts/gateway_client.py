"""The client of a gateway by its former name: `scripts.client`."""

from scripts.client import CaptureClient as Gateway
from scripts.client import ClientError as GatewayError

__all__ = ["Gateway", "GatewayError"]
