"""What the pools share: taking work under a lease, keeping it alive, and ending it in one transaction."""

import os

# Before torch is imported, in any pool: threads that spin while they wait make a pass four to twenty times slower on a
# host whose cores are shared.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from phonoscope_worker.celery import run_worker
from phonoscope_worker.handlers import Handlers
from phonoscope_worker.resources import named_shortage
from phonoscope_worker.work import Context, Handler, Work, outcome_of, spool

__all__ = ["Context", "Handler", "Handlers", "Work", "named_shortage", "outcome_of", "run_worker", "spool"]
