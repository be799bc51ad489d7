"""All tables, for what treats them as one: migrations and restores."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from phonoscope.db import schema
from phonoscope.db.schema.tables import Base

for _module in iter_modules(schema.__path__, f"{schema.__name__}."):
    if _module.name != __name__:
        import_module(_module.name)
METADATA = Base.metadata
