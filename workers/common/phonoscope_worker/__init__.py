"""The machinery that the pools share: claims tasks under a lease, renews it, and ends tasks in one transaction."""

import os

# Before torch is imported, in any pool: threads that spin while they wait make a pass four to twenty times slower on a
# host whose cores are shared.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from phonoscope_worker.celery import run_worker
from phonoscope_worker.context import Context
from phonoscope_worker.handlers import Handlers
from phonoscope_worker.outcomes import outcome_of
from phonoscope_worker.resources import typed_resource_errors
from phonoscope_worker.work import Handler, Work, spool

__all__ = ["Context", "Handler", "Handlers", "Work", "outcome_of", "run_worker", "spool", "typed_resource_errors"]
