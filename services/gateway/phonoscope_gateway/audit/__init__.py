"""The audit log, under ``/v1/audit``."""
