"""The gateway: sessions, the capture WebSocket, the real-time lane, uploads, events over HTTP, the pages, health."""
