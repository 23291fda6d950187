"""The HTTP API: routes, their typed bodies, what keeps strangers out, and the server itself."""
