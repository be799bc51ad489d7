"""A small typed client of the HTTP API."""

from phonoscope.client.client import Client
from phonoscope.client.connection import ApiError, Retry, Unreachable

__all__ = ["ApiError", "Client", "Retry", "Unreachable"]
