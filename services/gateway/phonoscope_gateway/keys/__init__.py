"""API keys, under ``/v1/keys``."""
