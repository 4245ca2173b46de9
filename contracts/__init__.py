"""What the processes share: messages, limits, errors, names in Redis, the scripts, the settings.

``from contracts import CaptureOpen`` gives what `contracts.messages.public` has. That module is loaded when it is asked
for: no process of the stack needs all of its messages.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    """A message of the public schema surface.

    Raises:
        AttributeError: there is none of this name.
    """
    if not name.startswith("_"):
        from contracts.messages import public

        if name in public.__all__:
            return getattr(public, name)
    raise AttributeError(f"module 'contracts' has no attribute {name!r}")
