"""The interfaces of the gateway and the brokers as an OpenAPI and an AsyncAPI document, and a page that shows both."""
