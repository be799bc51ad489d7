"""The gateway's edge: what is decided of a connection and of a request before any route runs."""
