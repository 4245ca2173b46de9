"""The server: uvicorn with limits for each connection and for all connections together."""
