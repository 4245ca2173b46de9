"""The capture WebSocket: rules in `protocol` and `jpeg`, I/O in `endpoint`, `forwarder` and `opening`."""
