"""The capture WebSocket: rules in `protocol` and `jpeg`, I/O in `endpoint`, `forwarder`, `lifecycle` and `closing`."""
