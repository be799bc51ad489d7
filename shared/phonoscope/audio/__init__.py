"""Recordings: probing uploads, decoding to samples."""
