"""The server: uvicorn with bounds for each connection and for all of them."""
