"""The queues and the live workers."""

from __future__ import annotations

from fastapi import APIRouter

from phonoscope.contract import QueueDepth, Queues, Worker
from phonoscope.db.service.workers import live_workers
from phonoscope.db.tasks.waiting import queue_depths
from phonoscope_gateway.problems import KEYED
from phonoscope_gateway.state import CallerDep, StateDep

router = APIRouter(prefix="/v1/queues", tags=["service"], responses=KEYED)


@router.get("")
def read_queues(state: StateDep, _caller: CallerDep) -> Queues:
    """Depth and throughput of each queue, over all owners, and the live workers."""
    with state.database.autocommit() as session:
        depths, workers = queue_depths(session), live_workers(session)
    return Queues(
        queues=[
            QueueDepth(
                pool=queue.pool,
                lane=queue.lane,
                workers=sum(row.pool is queue.pool and queue.lane in row.lanes for row in workers),
                **depth._asdict(),
            )
            for queue, depth in sorted(depths.items())
        ],
        workers=[Worker.model_validate(row) for row in workers],
    )
