"""What the gateway and the brokers speak, as an OpenAPI and an AsyncAPI document, and a page that shows both."""
