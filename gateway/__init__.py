"""The gateway: sessions, the capture WebSocket, the recorder's HTTP door, health."""
