"""``python -m phonoscope_gateway.openapi``: prints the OpenAPI document."""

from __future__ import annotations

import json
import sys

from pydantic import SecretStr

from phonoscope.settings import Settings
from phonoscope_gateway.app import create_app


def openapi_document() -> str:
    """The content of ``docs/openapi.json``. It connects to nothing."""
    return json.dumps(create_app(nowhere()).openapi(), indent=2, ensure_ascii=False) + "\n"


def nowhere() -> Settings:
    """Settings for a gateway that connects to nothing."""
    return Settings(
        environment="development",
        database_url=SecretStr("postgresql+psycopg2://nobody@127.0.0.1:1/none"),
        broker_url=SecretStr("redis://127.0.0.1:1/0"),
        s3_endpoint_url="http://127.0.0.1:1",
        s3_access_key="none",
        s3_secret_key=SecretStr("none"),
        signing_secret=SecretStr("signs nothing at all"),
    )


if __name__ == "__main__":
    sys.stdout.write(openapi_document())
