"""The libraries whose own spans can be asked for."""

from __future__ import annotations

from phonoscope.addresses import comma_separated

LIBRARIES = ("sqlalchemy", "redis", "urllib3")


def parse_libraries(text: str) -> tuple[str, ...]:
    """The libraries that a setting names, each once.

    Raises ``ValueError`` for one that has no spans here.

    >>> parse_libraries("redis, SQLAlchemy, redis")
    ('redis', 'sqlalchemy')
    """
    found = tuple(dict.fromkeys(comma_separated(text)))
    if unknown := [name for name in found if name not in LIBRARIES]:
        raise ValueError(f"must be some of {', '.join(LIBRARIES)}; {unknown[0]!r} is none")
    return found
