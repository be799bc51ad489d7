"""What an owner has used of its quotas, under ``/v1/usage``."""
