"""Trains networks that separate music into stems."""
