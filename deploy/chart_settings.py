#!/usr/bin/env python3
"""Writes the settings of the service into the chart's ``values.schema.json``: ``python -m deploy.chart_settings``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from phonoscope.settings import Settings

SCHEMA = Path(__file__).parent / "kubernetes" / "values.schema.json"
OF_THE_CHART = frozenset(
    {
        "broker_url",
        "cache_dir",
        "database_url",
        "device",
        "metrics_dir",
        "metrics_host",
        "metrics_port",
        "models_dir",
        "more_models_dir",
        "oidc_client_secret",
        "s3_access_key",
        "s3_bucket",
        "s3_endpoint_url",
        "s3_public_endpoint_url",
        "s3_region",
        "s3_secret_key",
        "signing_secret",
    }
)
"""Settings that follow from other values of the chart, from its secret or from the images."""
_WIDTH = 120
_KEPT = ("description", "enum", "exclusiveMinimum", "maximum", "minimum", "type")


def settings_schema() -> dict[str, Any]:
    """The JSON schema of ``settings``: every setting that an operator may write there."""
    fields = Settings.model_json_schema()["properties"]
    settings = {
        name: {key: field[key] for key in _KEPT if key in field}
        for name, field in sorted(fields.items())
        if name not in OF_THE_CHART
    }
    return {"type": "object", "additionalProperties": False, "properties": settings}


def as_text(value: Any, indent: int = 0) -> str:
    """JSON with whatever fits into a line on one.

    >>> print(as_text({"type": "integer", "minimum": 1}))
    {"type": "integer", "minimum": 1}
    """
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + indent <= _WIDTH - 30 or not isinstance(value, dict):
        return line
    inner = " " * (indent + 2)
    items = (f"{inner}{json.dumps(name)}: {as_text(item, indent + 2)}" for name, item in value.items())
    return "{\n" + ",\n".join(items) + "\n" + " " * indent + "}"


def main() -> None:
    schema = json.loads(SCHEMA.read_text())
    schema["$defs"]["settings"] = settings_schema()
    SCHEMA.write_text(as_text(schema) + "\n")


if __name__ == "__main__":
    main()
