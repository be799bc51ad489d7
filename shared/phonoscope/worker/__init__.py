"""What the pools share: taking work under a lease, keeping it alive, and ending it in one transaction."""

from phonoscope.worker.celery import run_worker
from phonoscope.worker.work import Context, Handler, Work, outcome_of, spool

__all__ = ["Context", "Handler", "Work", "outcome_of", "run_worker", "spool"]
