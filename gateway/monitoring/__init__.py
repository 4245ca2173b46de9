"""``/livez``, ``/readyz``, ``/health``, and the gauges of the brokers' contents."""
