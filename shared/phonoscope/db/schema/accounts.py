"""Whose share of turns and queues something takes: an owner's, and that of the owner whose clips another one holds."""

from __future__ import annotations

from typing import Final

ACCOUNT: Final = "coalesce((SELECT clips_of FROM owners WHERE id = :owner_id), :owner_id)"
"""SQL of the owner whose share it is: of one that holds clips the owner whose clips they are."""
IN_ACCOUNT: Final = f"SELECT {ACCOUNT} AS id UNION ALL SELECT id FROM owners WHERE clips_of = {ACCOUNT}"  # noqa: S608
"""SQL of the ids of that owner and of the one that holds its clips: they share turns and quotas of what is queued."""
