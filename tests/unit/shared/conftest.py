"""Tracks, tasks and jobs as the service answers them."""

from tests.unit.fixtures import make_job, make_task, make_track

__all__ = ["make_job", "make_task", "make_track"]
