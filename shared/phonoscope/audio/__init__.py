"""Recordings: probing uploads and decoding them to samples."""
