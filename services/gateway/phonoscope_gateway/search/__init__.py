"""Similarity over HTTP."""
