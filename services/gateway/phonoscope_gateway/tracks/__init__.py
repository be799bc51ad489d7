"""Tracks over HTTP."""
