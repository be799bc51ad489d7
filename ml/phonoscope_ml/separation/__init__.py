"""Recordings taken apart into stems, in a stream."""
