"""Draws images for reports."""
