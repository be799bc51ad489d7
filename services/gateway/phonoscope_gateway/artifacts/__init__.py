"""Artifacts over HTTP: links that need no key."""
