"""How the processes talk to Redis: roles, connections, keys, scripts, access rights."""

import sys

# If OpenTelemetry is installed, redis-py imports its SDK for metrics that no process here uses: 64 ms at each start.
# A process that has already loaded it keeps it; `contracts.process.tracing` loads it later.
if "redis" not in sys.modules and "opentelemetry" not in sys.modules:
    sys.modules["opentelemetry"] = None  # type: ignore[assignment]  # None makes the import fail
    import redis.asyncio  # noqa: F401

    del sys.modules["opentelemetry"]
