"""Links that share one recording, under ``/v1/tracks/{id}/shares``."""
