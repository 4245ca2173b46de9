"""``/healthz``, ``/readyz`` and the gauges."""
