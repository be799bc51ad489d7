"""A track's results, under ``/v1/tracks/{id}/results``."""
