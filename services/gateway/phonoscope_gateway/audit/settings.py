"""Notes in the audit log with which settings the service runs."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager

from anyio import to_thread
from pydantic import SecretStr

from phonoscope.db.service.audit import record_settings
from phonoscope.errors import DatabaseUnavailable
from phonoscope.settings import Settings
from phonoscope_gateway.background import in_background
from phonoscope_gateway.state import State

_AGAIN_S = 5.0
_NOT_NOTED = frozenset({"s3_access_key"})


def noted(settings: Settings) -> dict[str, str]:
    """What the audit log keeps of the settings: no secret."""
    values = {name: getattr(settings, name) for name in type(settings).model_fields if name not in _NOT_NOTED}
    return {name: str(value) for name, value in values.items() if not isinstance(value, SecretStr)}


def recording_settings(state: State) -> AbstractAsyncContextManager[None]:
    """Records what has changed of the settings since the last start, as soon as the database answers."""
    return in_background(_record(state), "recording-settings")


async def _record(state: State) -> None:
    while True:
        try:
            await to_thread.run_sync(_write, state)
        except DatabaseUnavailable:
            await asyncio.sleep(_AGAIN_S)
        else:
            return


def _write(state: State) -> None:
    with state.database.transaction() as session:
        record_settings(session, noted(state.settings))
