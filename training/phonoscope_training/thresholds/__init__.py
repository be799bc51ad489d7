"""Thresholds of labels that somebody else taught, chosen on recordings of which something is known."""
