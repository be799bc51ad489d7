"""Separates recordings into stems, as a stream."""
