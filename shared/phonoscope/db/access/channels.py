"""The channels of PostgreSQL's ``NOTIFY``."""

JOB_CHANNEL = "phonoscope_job"
"""Carries the id of a job that has ended."""

PROGRESS_CHANNEL = "phonoscope_progress"
"""Carries the id of a job that has changed in another way."""

EVENT_CHANNEL = "phonoscope_event"
"""Says that there is an event to deliver; carries nothing."""
