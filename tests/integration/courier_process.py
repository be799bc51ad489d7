"""A courier in a process of its own, on the database named in the environment; its leases are short."""

from __future__ import annotations

import asyncio
import os

from phonoscope_courier.delivery import Capacity
from phonoscope_courier.sending import Limits
from tests.integration.outbox import SOON, courier_of

if __name__ == "__main__":
    with courier_of(os.environ["DATABASE"], Capacity(lease_s=3.0, poll_s=0.1), SOON, Limits(total_s=60.0)) as courier:
        asyncio.run(courier.run())
