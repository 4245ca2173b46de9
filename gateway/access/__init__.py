"""Who may do what at the gateway: tokens, roles, and whose data a request is about."""
