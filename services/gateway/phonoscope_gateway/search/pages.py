"""Pages of a search: what comes after a cursor, and the cursor of the page after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from phonoscope_gateway.search.copies import Item
from phonoscope_gateway.search.cursors import SearchCursor

_GROWTH = 2


@dataclass(frozen=True)
class FoundPage:
    """The items of a page, and the cursor of the next one."""

    items: list[Item]
    next_cursor: str | None


def page_of(rest: Sequence[Item], cursor: SearchCursor, limit: int) -> FoundPage:
    """The first items of what comes after a cursor."""
    shown = list(rest[:limit])
    more = len(rest) > limit
    return FoundPage(shown, cursor.after(len(shown), shown[-1].place) if more else None)


def items_after(cursor: SearchCursor, first: Callable[[int], list[Item]], least: int, most: int) -> list[Item]:
    """At least so many items after a cursor, where there are as many: also if others came before it meanwhile.

    Args:
        first: the first items of the search, as many as are asked for, where there are as many.
        most: items of which it looks at about so many.
    """
    wanted = cursor.shown + least
    while True:
        found = first(wanted)
        rest = [item for item in found if cursor.last is None or item.place > cursor.last]
        if len(rest) >= least or len(found) < wanted or wanted >= most:
            return rest
        wanted *= _GROWTH
