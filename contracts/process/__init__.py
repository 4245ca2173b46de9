"""How a process runs: settings, logs, metrics, listeners, stopping."""
