"""The gateway: the HTTP API. It stores uploads, keeps rows, wakes workers; it computes nothing and never sees torch."""

from phonoscope_gateway.app import create_app

__all__ = ["create_app"]
