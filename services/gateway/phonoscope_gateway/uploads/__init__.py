"""Uploads in pieces over HTTP."""
