"""The type `id` of path parameters, as in ``/v1/webhooks/{webhook_id:id}``."""

from __future__ import annotations

from starlette.convertors import Convertor, register_url_convertor


class _Id(Convertor[str]):
    """An identifier of this service: `default-secret`, which has a hyphen, is none."""

    regex = "[0-9A-Za-z_]{1,64}"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("id", _Id())
