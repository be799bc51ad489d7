"""Recordings to try the service with, over HTTP."""
