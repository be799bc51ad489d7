"""A track's stems, under ``/v1/tracks/{id}/stems``."""
