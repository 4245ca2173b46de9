"""Code that all HTTP routes share: access control, refusals, request bodies, pages."""
